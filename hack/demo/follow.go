// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const (
	trainingLimit = 30 * time.Minute
	rolloutLimit  = 10 * time.Minute
)

// line shows one changing line in a terminal, and a line per change elsewhere.
type line struct {
	terminal bool
	last     string
	lastTime time.Time
}

func newLine() *line { return &line{terminal: term.IsTerminal(int(os.Stdout.Fd()))} }

// show shows text; elsewhere than in a terminal, at most every five seconds
// unless it is urgent.
func (l *line) show(text string, urgent bool) {
	if text == l.last {
		return
	}
	if l.terminal {
		fmt.Printf("\r\033[K   %s", text)
	} else {
		if !urgent && time.Since(l.lastTime) < 5*time.Second {
			return
		}
		fmt.Println("  ", text)
	}
	l.last, l.lastTime = text, time.Now()
}

func (l *line) end() {
	if l.terminal && l.last != "" {
		fmt.Println()
	}
}

// followTraining shows a TrainingRun's progress until it is over.
func (d *demo) followTraining(ctx context.Context, name string) (*v1alpha1.TrainingRun, error) {
	out := newLine()
	defer out.end()
	run := &v1alpha1.TrainingRun{}
	reason := ""
	err := poll(ctx, trainingLimit, func() (bool, error) {
		if err := d.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, run); err != nil {
			return false, err
		}
		for _, c := range run.Status.Conditions {
			if c.Type == v1alpha1.ReadyCondition {
				out.show(trainingLine(c.Reason, run.Status), c.Reason != reason)
				reason = c.Reason
			}
		}
		if c := condition(run.Status.Conditions, v1alpha1.FailedCondition, run.Generation); c != nil {
			return false, fmt.Errorf("TrainingRun %s failed: %s: %s", name, c.Reason, c.Message)
		}
		return condition(run.Status.Conditions, v1alpha1.CompleteCondition, run.Generation) != nil, nil
	})
	return run, err
}

func trainingLine(reason string, status v1alpha1.TrainingRunStatus) string {
	p := status.Progress
	if p == nil || p.Percent == nil {
		return reason
	}
	const width = 24
	done := int(*p.Percent) * width / 100
	text := fmt.Sprintf("%s [%s%s] %3d %%", reason, strings.Repeat("█", done), strings.Repeat("·", width-done), *p.Percent)
	if p.Epochs > 0 {
		text += fmt.Sprintf("  epoch %d/%d", p.Epoch, p.Epochs)
	}
	if p.ImagesPerSecond != "" {
		text += fmt.Sprintf("  %s images/s", p.ImagesPerSecond)
	}
	return text + metricsText(status.Metrics)
}

// metricsText lists metrics in one line.
func metricsText(metrics []v1alpha1.Metric) string {
	var text strings.Builder
	for _, m := range metrics {
		fmt.Fprintf(&text, "  %s %s", m.Name, m.Value)
	}
	return text.String()
}

// followRollout shows a ModelServer's stages until done says so.
func (d *demo) followRollout(ctx context.Context, done func(*v1alpha1.ModelServer) bool) (*v1alpha1.ModelServer, error) {
	s := &v1alpha1.ModelServer{}
	last := ""
	err := poll(ctx, rolloutLimit, func() (bool, error) {
		if err := d.client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: server}, s); err != nil {
			return false, err
		}
		if s.Status.ObservedGeneration != s.Generation {
			return false, nil
		}
		if text := rolloutLine(s.Status); text != last {
			fmt.Println("  ", text)
			last = text
		}
		if done(s) {
			return true, nil
		}
		if c := condition(s.Status.Conditions, v1alpha1.StalledCondition, s.Generation); c != nil {
			return false, errors.New(c.Reason + ": " + c.Message)
		}
		return false, nil
	})
	return s, err
}

func rolloutLine(status v1alpha1.ModelServerStatus) string {
	text := ""
	for _, c := range status.Conditions {
		if c.Type == v1alpha1.ReadyCondition {
			text = c.Reason
		}
	}
	if status.Live != nil {
		text += "  live " + status.Live.Revision
	}
	if c := status.Candidate; c != nil {
		text += fmt.Sprintf("  candidate %s (%s)", c.Revision, c.Stage)
	}
	return text
}
