// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// clock is a time that passes when told to.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

// training returns a tracker of a run of two epochs of five steps that was restored after two steps and has made one,
// in two seconds.
func training() *Tracker {
	c := &clock{time.Unix(1000, 0)}
	tracker := NewTracker(c.now)
	tracker.Checkpoint(contract.Checkpoint{Epoch: 0, Step: 2})
	tracker.Train(2, 10, 2)
	c.Time = c.Add(2 * time.Second)
	tracker.Step(1, 3, 16)
	return tracker
}

func TestTracker(t *testing.T) {
	tracker := training()
	want := contract.Progress{
		Version: 1, Sequence: 4, Stage: StageTraining, Percent: 30, Epoch: 1, Epochs: 2, Step: 3, Steps: 10,
		ImagesPerSecond: 8, RemainingSecs: 14, Checkpoint: &contract.Checkpoint{Step: 2},
	}
	if diff := cmp.Diff(want, tracker.Snapshot()); diff != "" {
		t.Errorf("in training (-want +got):\n%s", diff)
	}
	tracker.Metrics(contract.Metric{Name: "accuracy", Value: 0.9})
	tracker.Step(2, 10, 16)
	if got := tracker.Snapshot(); got.Percent != 99 {
		t.Errorf("after the last step it is %d %%, want 99 until the model is published", got.Percent)
	}
	tracker.Stage(StagePublished)
	want = contract.Progress{
		Version: 1, Sequence: 7, Stage: StagePublished, Percent: 100, Epoch: 2, Epochs: 2, Step: 10, Steps: 10,
		Metrics: []contract.Metric{{Name: "accuracy", Value: 0.9}}, Checkpoint: &contract.Checkpoint{Step: 2},
	}
	if diff := cmp.Diff(want, tracker.Snapshot()); diff != "" {
		t.Errorf("at the end (-want +got):\n%s", diff)
	}
	if got := tracker.Images(); got != 32 {
		t.Errorf("trained on %d images, want 32", got)
	}
}

func TestRestoredRunIsInTheEpochThatItGoesOnWith(t *testing.T) {
	for done, want := range map[int64]int{0: 1, 4: 1, 5: 2, 9: 2, 10: 2} {
		tracker := NewTracker(time.Now)
		tracker.Train(2, 10, done)
		if got := tracker.Snapshot().Epoch; got != want {
			t.Errorf("after %d of 10 steps it is in epoch %d of 2, want %d", done, got, want)
		}
	}
}

func TestHandler(t *testing.T) {
	tracker := training()
	tracker.Metrics(contract.Metric{Name: "accuracy", Value: 0.75})
	handler := Handler(tracker, slog.New(slog.DiscardHandler))
	get := func(path string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder
	}
	var progress contract.Progress
	if err := json.Unmarshal(get(contract.ProgressPath).Body.Bytes(), &progress); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tracker.Snapshot(), progress); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if got := get(contract.HealthPath).Code; got != http.StatusOK {
		t.Errorf("health is %d", got)
	}
	if got := get("/other").Code; got != http.StatusNotFound {
		t.Errorf("an unknown path is %d", got)
	}
	metrics := get(MetricsPath).Body.String()
	for _, line := range []string{
		"trainyard_training_progress_ratio 0.3", "trainyard_training_epoch 1", "trainyard_training_steps_total 3",
		"trainyard_training_images_total 16", `trainyard_training_metric{metric="accuracy"} 0.75`,
		"trainyard_training_checkpoint_step 2", "go_goroutines ",
	} {
		if !strings.Contains(metrics, "\n"+line) {
			t.Errorf("metrics lack %q", line)
		}
	}
}

func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log := slog.New(slog.DiscardHandler)
	address, err := Serve(ctx, "127.0.0.1:0", Handler(training(), log), log)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + address.String() + contract.HealthPath)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("health is %d", response.StatusCode)
	}
	if _, err := Serve(ctx, address.String(), nil, log); err == nil {
		t.Error("an address in use is no error")
	}
}

func TestTerminalKeepsTheBarBelowTheLines(t *testing.T) {
	var out bytes.Buffer
	terminal := NewTerminal(&out)
	p := training().Snapshot()
	for _, step := range []func() error{
		func() error { _, err := io.WriteString(terminal, "before\n"); return err },
		func() error { return terminal.Show(p) },
		func() error { _, err := io.WriteString(terminal, "between\n"); return err },
		func() error { p.Stage = StageEvaluating; return terminal.Show(p) },
		func() error { _, err := io.WriteString(terminal, "after\n"); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	got := out.String()
	bar := strings.Index(got, "epoch 1/2 · 8 images/s · 14s left")
	if !strings.HasPrefix(got, "before\n") || bar < 0 || strings.Index(got, "between\n") < bar || !strings.HasSuffix(got, "\rafter\n") {
		t.Errorf("the terminal shows %q", got)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	for name, terminal := range map[string]*Terminal{"log": nil, "terminal": NewTerminal(io.Discard)} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			Watch(ctx, training(), terminal, slog.New(slog.DiscardHandler))
		})
	}
}
