// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow/mlflowtest"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// slowAnswer is how long a slow server thinks.
const slowAnswer = 5 * time.Second

// atItsPace has the tracker send as often as outside of tests.
func atItsPace(b *testing.B) {
	gather, first, errors := gatherTime, firstPause, endPatience.errors
	gatherTime, firstPause, endPatience.errors = 2*time.Second, time.Second, 10*time.Second
	b.Cleanup(func() { gatherTime, firstPause, endPatience.errors = gather, first, errors })
}

// slowly has a server think before each answer.
func slowly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(slowAnswer)
		h.ServeHTTP(w, r)
	})
}

// stopwatch measures epochs: the time that passes, and that of the processor.
type stopwatch struct {
	spent      time.Duration // at the end of the epoch before
	wall, work []time.Duration
}

// Observe implements train.Observer.
func (s *stopwatch) Observe(event train.Event) error {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	spent := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	switch e := event.(type) {
	case train.Started:
		s.spent = spent
	case train.EpochEnded:
		s.wall, s.work = append(s.wall, e.Took), append(s.work, spent-s.spent)
		s.spent = spent
	}
	return nil
}

// median of what was measured, in milliseconds.
func median(of []time.Duration) float64 {
	slices.Sort(of)
	return float64(of[len(of)/2].Microseconds()) / 1000
}

// trainOnce trains on drawn pictures, recorded if there is a server, and returns how long the end of the run has waited for that.
func trainOnce(b *testing.B, cfg contract.TrainConfig, watch *stopwatch) time.Duration {
	b.Helper()
	cfg.Output.Path = b.TempDir()
	run := &train.Run{Config: cfg, Log: slog.New(slog.DiscardHandler), Observers: []train.Observer{watch}}
	var tracker *Tracker
	if cfg.Tracking.MLflow != nil {
		tracker = New(cfg, run.Log, func(contract.MLflowResult) {})
		run.Observers = append(run.Observers, tracker)
	}
	if _, err := run.Do(b.Context()); err != nil {
		b.Fatal(err)
	}
	if tracker == nil {
		return 0
	}
	begin := time.Now()
	if result := tracker.Close(b.Context()); result.Reason != "" {
		b.Fatalf("the recording came to %+v", result)
	}
	return time.Since(begin)
}

// drawnLonger is a run whose epochs take long enough to be compared.
func drawnLonger(uri string, number int) contract.TrainConfig {
	cfg := drawn("", uri)
	cfg.Run.UID += strconv.Itoa(number)
	cfg.Dataset.Generated.SamplesPerClass, cfg.Model.ImageSize, cfg.Training.Epochs, cfg.Training.BatchSize = 400, 64, 6, 32
	return cfg
}

// BenchmarkRecorded compares the epochs of runs that are recorded with those of runs that aren't, in turn: the medians of their
// time and of the processor's. The latter has the server's part, which is in the same process.
func BenchmarkRecorded(b *testing.B) {
	atItsPace(b)
	server := mlflowtest.Start(b, true, nil)
	var plain, recorded stopwatch
	for runs := 0; b.Loop(); runs++ {
		record := func() { trainOnce(b, drawnLonger(server.URL, runs), &recorded) }
		if runs%2 == 0 {
			record()
		}
		cfg := drawnLonger("", runs)
		cfg.Tracking.MLflow = nil
		trainOnce(b, cfg, &plain)
		if runs%2 != 0 {
			record()
		}
	}
	b.ReportMetric(0, "ns/op") // which says nothing of two kinds
	b.ReportMetric(median(plain.wall), "plain-ms/epoch")
	b.ReportMetric(median(recorded.wall), "recorded-ms/epoch")
	b.ReportMetric(median(plain.work), "plain-cpu-ms/epoch")
	b.ReportMetric(median(recorded.work), "recorded-cpu-ms/epoch")
}

// BenchmarkSlowServer measures how long the end of a short run waits for a server that thinks before each answer, until it has all.
func BenchmarkSlowServer(b *testing.B) {
	atItsPace(b)
	server := mlflowtest.Start(b, true, slowly)
	var waited time.Duration
	runs := 0
	for b.Loop() {
		waited += trainOnce(b, drawnLonger(server.URL, runs), &stopwatch{})
		runs++
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(waited.Seconds()/float64(runs), "s/end")
}
