// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// barInterval is how often the bar is drawn.
const barInterval = 200 * time.Millisecond

// theme draws with characters that every font has.
var theme = progressbar.Theme{Saucer: "█", SaucerPadding: "░"}

// Terminal shows a progress bar below the lines that are written through it.
type Terminal struct {
	meter meter
	drawn time.Time

	mu  sync.Mutex
	out io.Writer
	bar *progressbar.ProgressBar // nil while there is nothing to show
}

var _ train.Observer = (*Terminal)(nil)

// NewTerminal returns a Terminal on out, which is a terminal, that reads the time from now.
func NewTerminal(out io.Writer, now func() time.Time) *Terminal {
	return &Terminal{out: out, meter: newMeter(now)}
}

// Observe implements train.Observer.
func (t *Terminal) Observe(event train.Event) error {
	t.meter.apply(event)
	switch event.(type) {
	case train.Stepped:
		now := t.meter.now()
		if now.Sub(t.drawn) < barInterval {
			return nil
		}
		t.drawn = now
	case train.Ended:
		t.meter.stage("") // a run that fails in training leaves no bar
	}
	return t.show(t.meter.progress)
}

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

// show draws the progress of a run that is training, and removes the bar of one that isn't.
func (t *Terminal) show(p contract.Progress) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.Stage != contract.StageTraining {
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
