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
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// clock is a time that passes when told to.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

// tell has a tracker observe events.
func tell(tracker *Tracker, events ...train.Event) {
	for _, event := range events {
		_ = tracker.Observe(event) // which never fails
	}
}

// started begins a run of two epochs of five steps that was restored after two steps.
func started() train.Started {
	return train.Started{Epochs: 2, StepsPerEpoch: 5, Done: 2, Checkpoint: &contract.Checkpoint{Epoch: 0, Step: 2}}
}

// training returns a tracker of a run of two epochs of five steps that was restored after two steps and has made one,
// in two seconds.
func training() *Tracker {
	c := &clock{time.Unix(1000, 0)}
	tracker := NewTracker(c.now)
	tell(tracker, started())
	c.Time = c.Add(2 * time.Second)
	tell(tracker, train.Stepped{Epoch: 1, Done: 3, Images: 16})
	return tracker
}

func TestTracker(t *testing.T) {
	tracker := training()
	checkpoint := &contract.Checkpoint{Step: 2}
	want := contract.Progress{
		Version: 1, Sequence: 2, Stage: contract.StageTraining, Percent: 30, Epoch: 1, Epochs: 2, Step: 3, Steps: 10,
		ImagesPerSecond: 8, RemainingSecs: 14, Checkpoint: checkpoint,
	}
	if diff := cmp.Diff(want, tracker.Snapshot()); diff != "" {
		t.Errorf("in training (-want +got):\n%s", diff)
	}
	validated := report.Epoch{ValidationAccuracy: 0.75, ValidationLoss: 0.5}
	tested := []contract.Metric{{Name: "accuracy", Value: 0.9}}
	for _, step := range []struct {
		event   train.Event
		stage   string
		percent int
		metrics []contract.Metric
	}{
		{train.EpochEnded{Number: 1, Epoch: validated}, contract.StageTraining, 30, []contract.Metric{{Name: "accuracy", Value: 0.75}, {Name: "loss", Value: 0.5}}},
		{train.Stepped{Epoch: 2, Done: 10, Images: 16}, contract.StageTraining, 99, []contract.Metric{{Name: "accuracy", Value: 0.75}, {Name: "loss", Value: 0.5}}},
		{train.EpochEnded{Number: 2, Epoch: validated, Last: true}, contract.StageEvaluating, 99, []contract.Metric{{Name: "accuracy", Value: 0.75}, {Name: "loss", Value: 0.5}}},
		{train.Evaluated{Metrics: tested}, contract.StagePublishing, 99, tested},
		{train.Published{Result: contract.TrainResult{Metrics: tested}}, contract.StagePublished, 100, tested},
		{train.Ended{}, contract.StagePublished, 100, tested},
	} {
		tell(tracker, step.event)
		got := tracker.Snapshot()
		if got.Stage != step.stage || got.Percent != step.percent {
			t.Errorf("after %T it is %s, %d %%; want %s, %d %%", step.event, got.Stage, got.Percent, step.stage, step.percent)
		}
		if diff := cmp.Diff(step.metrics, got.Metrics); diff != "" {
			t.Errorf("metrics after %T (-want +got):\n%s", step.event, diff)
		}
	}
	tell(tracker, train.Checkpointed{Checkpoint: contract.Checkpoint{Epoch: 2, Step: 10}})
	want = contract.Progress{
		Version: 1, Sequence: 8, Stage: contract.StagePublished, Percent: 100, Epoch: 2, Epochs: 2, Step: 10, Steps: 10,
		Metrics: tested, Checkpoint: &contract.Checkpoint{Epoch: 2, Step: 10},
	}
	if diff := cmp.Diff(want, tracker.Snapshot()); diff != "" {
		t.Errorf("at the end (-want +got):\n%s", diff)
	}
	if got := tracker.Images(); got != 32 {
		t.Errorf("trained on %d images, want 32", got)
	}
}

// fetching are the events of 10 files of 4 MB that are fetched in 4 seconds, of which one was kept, and scanned.
func fetching(c *clock) []func() train.Event {
	after := func(d time.Duration, event train.Event) func() train.Event {
		return func() train.Event {
			c.Time = c.Add(d)
			return event
		}
	}
	return []func() train.Event{
		after(0, train.Fetching{}),
		after(5*time.Second, train.Fetching{Progress: fetch.Progress{TotalFiles: 9, TotalBytes: 36e6, Kept: 1}}), // listing takes its time
		after(2*time.Second, train.Fetching{Progress: fetch.Progress{Files: 3, TotalFiles: 9, Bytes: 12e6, TotalBytes: 36e6, Kept: 1}}),
		after(lineInterval, train.Fetching{Progress: fetch.Progress{Files: 9, TotalFiles: 9, Bytes: 36e6, TotalBytes: 36e6, Kept: 1}}),
		after(0, train.Scanning{Progress: dataset.Progress{TotalFiles: 10}}),
		after(lineInterval, train.Scanning{Progress: dataset.Progress{Files: 5, TotalFiles: 10, Bytes: 30e6}}),
		after(0, train.Fetching{Progress: fetch.Progress{TotalFiles: 1}}), // of a file that had rotten
		after(time.Second, started()),
	}
}

func TestTrackerOfTheDataset(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	tracker := NewTracker(c.now)
	if got := tracker.Snapshot(); got.Stage != contract.StageLoading {
		t.Errorf("it begins with %s", got.Stage)
	}
	scanned := &contract.DataProgress{Files: 5, TotalFiles: 10, Bytes: 30e6, BytesPerSecond: 1e6, RemainingSecs: 30}
	for i, want := range []contract.Progress{
		{Stage: contract.StageFetching, Data: &contract.DataProgress{}},
		{Stage: contract.StageFetching, Data: &contract.DataProgress{TotalFiles: 9, KeptFiles: 1, TotalBytes: 36e6}},
		{Stage: contract.StageFetching, Data: &contract.DataProgress{
			Files: 3, TotalFiles: 9, KeptFiles: 1, Bytes: 12e6, TotalBytes: 36e6, BytesPerSecond: 6e6, RemainingSecs: 4,
		}},
		{Stage: contract.StageFetching, Data: &contract.DataProgress{
			Files: 9, TotalFiles: 9, KeptFiles: 1, Bytes: 36e6, TotalBytes: 36e6, BytesPerSecond: 1125e3,
		}},
		{Stage: contract.StageScanning, Data: &contract.DataProgress{TotalFiles: 10}},
		{Stage: contract.StageScanning, Data: scanned},
		{Stage: contract.StageScanning, Data: scanned},
		{Stage: contract.StageTraining},
	} {
		tell(tracker, fetching(c)[i]())
		got := tracker.Snapshot()
		if diff := cmp.Diff(want, contract.Progress{Stage: got.Stage, Data: got.Data}); diff != "" {
			t.Errorf("after event %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestTerminalShowsTheDataset(t *testing.T) {
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	terminal := NewTerminal(&out, c.now)
	for _, event := range fetching(c) {
		if err := terminal.Observe(event()); err != nil {
			t.Fatal(err)
		}
		c.Time = c.Add(barInterval)
	}
	rest := out.String()
	for _, text := range []string{
		"fetching 0/9 files · 0.0/36.0 MB ", "fetching 3/9 files · 12.0/36.0 MB · 5.5 MB/s · 4s left", "scanning 5/10 files · 30.0 MB · 1.0 MB/s · 30s left",
		"training epoch 1/2 · step 2/10",
	} {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("%q is missing in %q", text, out.String())
		}
		rest = after
	}
}

func TestLogOfTheDataset(t *testing.T) {
	for name, repeat := range map[string]bool{"log alone": true, "beside a progress bar": false} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c := &clock{time.Unix(1000, 0)}
			log := NewLog(slog.New(slog.NewTextHandler(&out, nil)), c.now, repeat)
			for _, event := range fetching(c) {
				if err := log.Observe(event()); err != nil {
					t.Fatal(err)
				}
			}
			for line, always := range map[string]bool{
				`msg="Fetching the dataset" files=9 totalFiles=9 bytes=36000000 totalBytes=36000000 bytesPerSecond=1125000 remainingSeconds=0`: false,
				`msg="Scanning the dataset" files=5 totalFiles=10 bytes=30000000 totalBytes=0 bytesPerSecond=1000000 remainingSeconds=30`:      false,
				`msg="Fetched the dataset" files=9 keptFiles=1 bytes=36000000 seconds=32`:                                                      true,
			} {
				if got := strings.Count(out.String(), line); got != map[bool]int{true: 1, false: 0}[always || repeat] {
					t.Errorf("the log has %d times %s:\n%s", got, line, &out)
				}
			}
			if got := strings.Count(out.String(), "the dataset"); repeat && got != 3 {
				t.Errorf("the log speaks %d times of the dataset, want 3:\n%s", got, &out)
			}
		})
	}
}

func TestRestoredRunIsInTheEpochThatItGoesOnWith(t *testing.T) {
	for done, want := range map[int64]int{0: 1, 4: 1, 5: 2, 9: 2, 10: 2} {
		tracker := NewTracker(time.Now)
		tell(tracker, train.Started{Epochs: 2, StepsPerEpoch: 5, Done: done, Complete: done == 10})
		got := tracker.Snapshot()
		if got.Epoch != want {
			t.Errorf("after %d of 10 steps it is in epoch %d of 2, want %d", done, got.Epoch, want)
		}
		if evaluates := got.Stage == contract.StageEvaluating; evaluates != (done == 10) {
			t.Errorf("after %d of 10 steps it is in stage %s", done, got.Stage)
		}
	}
}

// A run that was published before says so at once, with its metrics.
func TestTrackerOfAPublishedRun(t *testing.T) {
	tracker := NewTracker(time.Now)
	tested := []contract.Metric{{Name: "accuracy", Value: 0.9}}
	tell(tracker, train.Published{Result: contract.TrainResult{Metrics: tested}, Before: true})
	want := contract.Progress{Version: 1, Sequence: 1, Stage: contract.StagePublished, Percent: 100, Metrics: tested}
	if diff := cmp.Diff(want, tracker.Snapshot()); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

func TestHandler(t *testing.T) {
	tracker := training()
	tell(tracker, train.EpochEnded{Epoch: report.Epoch{ValidationAccuracy: 0.75}})
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
	metrics := get(contract.MetricsPath).Body.String()
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
	c := &clock{time.Unix(1000, 0)}
	terminal := NewTerminal(&out, c.now)
	write := func(line string) {
		if _, err := io.WriteString(terminal, line); err != nil {
			t.Fatal(err)
		}
	}
	observe := func(event train.Event) {
		if err := terminal.Observe(event); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n")
	observe(started())
	c.Time = c.Add(2 * time.Second)
	observe(train.Stepped{Epoch: 1, Done: 3, Images: 16, Loss: 0.525, Accuracy: 0.8125})
	write("between\n")
	drawn := out.Len()
	observe(train.Stepped{Epoch: 1, Done: 4, Images: 16}) // too soon to be drawn again
	if out.Len() != drawn {
		t.Errorf("drawn twice in no time: %q", out.String()[drawn:])
	}
	observe(train.Ended{})
	write("after\n")
	got := out.String()
	bar := strings.Index(got, "training epoch 1/2 · step 3/10 · loss 0.5250 · accuracy 0.812 · 8 images/s · 14s left")
	if !strings.HasPrefix(got, "before\n") || bar < 0 || strings.Index(got, "between\n") < bar || !strings.HasSuffix(got, "\rafter\n") {
		t.Errorf("the terminal shows %q", got)
	}
}

func TestLog(t *testing.T) {
	for name, repeat := range map[string]bool{"log alone": true, "beside a progress bar": false} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c := &clock{time.Unix(1000, 0)}
			log := NewLog(slog.New(slog.NewTextHandler(&out, nil)), c.now, repeat)
			model := &contract.ModelResult{URI: "models/pets/model.onnx", SHA256: "abc", Samples: &contract.SamplesResult{Count: 6}}
			for _, event := range []train.Event{
				started(),
				train.Stepped{Epoch: 1, Done: 3, Images: 16},
				train.EpochEnded{Epoch: report.Epoch{TrainLoss: 0.123456}, Number: 1, Epochs: 2, Warning: "the loss explodes"},
				train.EpochEnded{Epoch: report.Epoch{LearningRate: 0.025, Metrics: map[string]float64{"f1": 0.123456}}, Number: 9, Epochs: 20, Last: true},
				train.Evaluated{
					Metrics: []contract.Metric{{Name: "accuracy", Value: 0.75}}, SizeBytes: 10,
					Float32: &train.Evaluated{Metrics: []contract.Metric{{Name: "accuracy", Value: 0.8}}, SizeBytes: 40},
				},
				train.Published{Result: contract.TrainResult{Model: model}},
				train.Published{Result: contract.TrainResult{Model: model}, Before: true},
				train.Ended{},
			} {
				if err := log.Observe(event); err != nil {
					t.Fatal(err)
				}
				c.Time = c.Add(lineInterval / 2)
			}
			if err := log.Observe(train.Stepped{Epoch: 2, Done: 6, Images: 16}); err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{
				"msg=Training ", `msg="Epoch 1 of 2" trainLoss=0.1235`, `level=WARN msg="Training: the loss explodes"`,
				"learningRate=0.025 f1=0.1235", `msg="Stopped early at epoch 9 of 20"`,
				`msg="Quantized to 8 bits" accuracyFloat32=0.8 accuracyInt8=0.75 bytesFloat32=40 bytesInt8=10`,
				`msg="Evaluated on the test split" accuracy=0.75`, "msg=Published model=models/pets/model.onnx sha256=abc samples=6",
				`msg="Already published; returning the recorded result" model=models/pets/model.onnx`,
			} {
				if !strings.Contains(out.String(), line) {
					t.Errorf("the log lacks %q:\n%s", line, &out)
				}
			}
			if got := strings.Count(out.String(), "Training goes on"); got != map[bool]int{true: 1, false: 0}[repeat] {
				t.Errorf("it says %d times that training goes on:\n%s", got, &out)
			}
		})
	}
}
