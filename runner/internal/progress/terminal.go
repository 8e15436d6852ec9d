// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"fmt"
	"io"
	"strconv"
	"strings"
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
	// stepped is the last step, and losses those of all.
	stepped train.Stepped
	losses  sparkline

	mu  sync.Mutex
	out io.Writer
	bar *progressbar.ProgressBar // nil while there is nothing to show
	// stage is the one that the bar is about.
	stage string
}

var _ train.Observer = (*Terminal)(nil)

// NewTerminal returns a Terminal on out, which is a terminal, that reads the time from now.
func NewTerminal(out io.Writer, now func() time.Time) *Terminal {
	return &Terminal{out: out, meter: newMeter(now)}
}

// Observe implements train.Observer.
func (t *Terminal) Observe(event train.Event) error {
	t.meter.apply(event)
	if e, ok := event.(train.Stepped); ok {
		t.stepped = e
		t.losses.add(e.Loss)
	}
	switch event.(type) {
	case train.Fetching, train.Scanning, train.Stepped:
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

// show draws how far a stage has come, and removes the bar where that isn't known.
func (t *Terminal) show(p contract.Progress) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	done, total := position(p)
	if t.stage != p.Stage || total == 0 {
		if err := t.hide(); err != nil || total == 0 {
			return err
		}
	}
	if t.bar == nil {
		t.stage = p.Stage
		t.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(t.out),
			progressbar.OptionSetWidth(30),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetTheme(theme),
		)
	}
	t.bar.Describe(t.summary(p))
	return t.bar.Set64(min(done, total))
}

// position is how far a stage has come, of how much; nothing of nothing if that isn't known.
func position(p contract.Progress) (done, total int64) {
	switch {
	case p.Stage == contract.StageTraining:
		return p.Step, p.Steps
	case p.Data == nil:
		return 0, 0
	case p.Data.TotalBytes > 0:
		return p.Data.Bytes, p.Data.TotalBytes
	default:
		return p.Data.Files, p.Data.TotalFiles
	}
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
func (t *Terminal) summary(p contract.Progress) string {
	if p.Data != nil {
		return summarizeData(p.Stage, p.Data)
	}
	text := fmt.Sprintf("%s epoch %d/%d · step %d/%d", strings.ToLower(p.Stage), p.Epoch, p.Epochs, p.Step, p.Steps)
	if t.stepped.Done > 0 {
		text += fmt.Sprintf(" · loss %.4f · accuracy %.3f", t.stepped.Loss, t.stepped.Accuracy)
	}
	if p.ImagesPerSecond > 0 {
		text += fmt.Sprintf(" · %.0f images/s · %v left", p.ImagesPerSecond, time.Duration(p.RemainingSecs)*time.Second)
	}
	if drawn := t.losses.String(); drawn != "" {
		text += " · " + drawn
	}
	return text
}

func summarizeData(stage string, d *contract.DataProgress) string {
	text := fmt.Sprintf("%s %d/%d files · %s", strings.ToLower(stage), d.Files, d.TotalFiles, megabytes(d.Bytes))
	if d.TotalBytes > 0 {
		text += "/" + megabytes(d.TotalBytes)
	}
	text += " MB"
	if d.BytesPerSecond > 0 {
		text += fmt.Sprintf(" · %s MB/s · %v left", megabytes(d.BytesPerSecond), time.Duration(d.RemainingSecs)*time.Second)
	}
	return text
}

func megabytes(bytes int64) string { return strconv.FormatFloat(float64(bytes)/1e6, 'f', 1, 64) }
