// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// Lines writes metrics as name=value, as Katib's collectors read them: a line for each epoch, and one for the model that is
// published. Each begins with the time.
type Lines struct {
	out io.Writer
	now func() time.Time
}

var _ train.Observer = (*Lines)(nil)

// NewLines returns an observer that writes to out and reads the time from now.
func NewLines(out io.Writer, now func() time.Time) *Lines { return &Lines{out: out, now: now} }

// Observe implements train.Observer.
func (l *Lines) Observe(event train.Event) error {
	switch e := event.(type) {
	case train.EpochEnded:
		return l.write(
			contract.Metric{Name: "epoch", Value: float64(e.Number)},
			contract.Metric{Name: "trainLoss", Value: e.TrainLoss}, contract.Metric{Name: "trainAccuracy", Value: e.TrainAccuracy},
			contract.Metric{Name: "validationLoss", Value: e.ValidationLoss}, contract.Metric{Name: "validationAccuracy", Value: e.ValidationAccuracy},
		)
	case train.Evaluated:
		return l.write(e.Metrics...)
	case train.Published:
		if e.Before { // by an earlier attempt, whose lines are gone with its pod
			return l.write(e.Result.Metrics...)
		}
	}
	return nil
}

func (l *Lines) write(metrics ...contract.Metric) error {
	var line strings.Builder
	line.WriteString(l.now().UTC().Format(time.RFC3339Nano))
	for _, m := range metrics {
		fmt.Fprintf(&line, " %s=%s", m.Name, strconv.FormatFloat(m.Value, 'g', 6, 64))
	}
	_, err := fmt.Fprintln(l.out, line.String())
	return err
}
