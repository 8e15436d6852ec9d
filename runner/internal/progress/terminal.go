// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	barInterval  = 200 * time.Millisecond
	lineInterval = 30 * time.Second
)

// theme draws with characters that every font has.
var theme = progressbar.Theme{Saucer: "█", SaucerPadding: "░"}

// Terminal shows a progress bar below the lines that are written through it.
type Terminal struct {
	mu  sync.Mutex
	out io.Writer
	bar *progressbar.ProgressBar // nil while there is nothing to show
}

// NewTerminal returns a Terminal on out, which is a terminal.
func NewTerminal(out io.Writer) *Terminal { return &Terminal{out: out} }

// Write writes lines above the bar.
func (t *Terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bar == nil {
		return t.out.Write(p)
	}
	if err := t.bar.Clear(); err != nil {
		return 0, err
	}
	n, err := t.out.Write(p)
	if err != nil {
		return n, err
	}
	return n, t.bar.RenderBlank()
}

// Show draws the progress of a run that is training, and removes the bar of one that isn't.
func (t *Terminal) Show(p contract.Progress) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.Stage != StageTraining {
		return t.hide()
	}
	if t.bar == nil {
		t.bar = progressbar.NewOptions64(p.Steps,
			progressbar.OptionSetWriter(t.out),
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetTheme(theme),
		)
	}
	t.bar.Describe(summary(p))
	return t.bar.Set64(p.Step)
}

func (t *Terminal) hide() error {
	if t.bar == nil {
		return nil
	}
	bar := t.bar
	t.bar = nil
	return bar.Clear()
}

// summary is the progress in a few words.
func summary(p contract.Progress) string {
	text := fmt.Sprintf("epoch %d/%d", p.Epoch, p.Epochs)
	if p.ImagesPerSecond > 0 {
		text += fmt.Sprintf(" · %.0f images/s · %v left", p.ImagesPerSecond, time.Duration(p.RemainingSecs)*time.Second)
	}
	return text
}

// Watch shows the tracker's progress on the terminal, or in the log now and then if terminal is nil, until ctx ends.
func Watch(ctx context.Context, tracker *Tracker, terminal *Terminal, log *slog.Logger) {
	interval := lineInterval
	if terminal != nil {
		interval = barInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			if terminal != nil {
				_ = terminal.Show(contract.Progress{})
			}
			return
		case <-ticker.C:
		}
		p := tracker.Snapshot()
		if terminal != nil {
			_ = terminal.Show(p) // a terminal that is gone is no reason to stop training
		} else if p.Stage == StageTraining {
			log.Info("Training goes on", "percent", p.Percent, "epoch", p.Epoch, "step", p.Step, "steps", p.Steps,
				"imagesPerSecond", int(p.ImagesPerSecond), "remainingSeconds", p.RemainingSecs)
		}
	}
}
