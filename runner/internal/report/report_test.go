// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/measures"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

// example is a report of four images.
func example() *Report {
	tally := metrics.NewTally(2)
	for _, label := range []int{0, 0, 1, 1} {
		tally.Add([]float32{1, 0}, label)
	}
	r := &Report{
		Program: "v1",
		Dataset: DescribeDataset(&dataset.Dataset{
			Classes: []string{"cat", "dog"}, Samples: []dataset.Sample{{Part: dataset.PartTest}, {}, {}, {}}, Digest: "sha256:00",
			Skipped: dataset.Skipped{Count: 3, First: []dataset.SkippedFile{{Name: "cat/x.jpg", Cause: dataset.CauseTruncated, Err: errors.New("truncated")}}},
			LeftOut: []dataset.LeftOut{
				{Cause: dataset.CauseHidden, Count: 1, First: []string{".git"}},
				{Cause: dataset.CauseTruncated, Count: 3, First: []string{"cat/x.jpg"}},
			},
		}),
		Warnings: []string{"odd"},
		History:  &History{Epochs: []Epoch{{TrainLoss: 1}, {TrainLoss: 0.5, ValidationAccuracy: 1}}, BestEpoch: 2},
	}
	r.Measure(tally)
	return r
}

func TestWrite(t *testing.T) {
	files := map[string]*bytes.Buffer{}
	add := func(name string, write func(io.Writer) error) error {
		files[name] = &bytes.Buffer{}
		return write(files[name])
	}
	want := example()
	if err := want.Write(add); err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := json.Unmarshal(files[ReportFile].Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	half := 0.5 // every image scores alike
	if diff := cmp.Diff(map[string]measures.Class{
		"cat": {Precision: 0.5, Recall: 1, F1: 2.0 / 3, Support: 2, ROCAUC: &half, AveragePrecision: &half},
		"dog": {Support: 2, ROCAUC: &half, AveragePrecision: &half},
	}, got.PerClass); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&contract.Chance{Class: "cat", Accuracy: 0.5}, got.Chance); diff != "" {
		t.Errorf("chance (-want +got):\n%s", diff)
	}
	var flat struct {
		Metrics   map[string]float64
		Intervals map[string]contract.Interval
	}
	if err := json.Unmarshal(files[MetricsFile].Bytes(), &flat); err != nil || flat.Metrics["accuracy"] != 0.5 || flat.Intervals["accuracy"].High < 0.5 {
		t.Errorf("metrics.json has %+v, error %v", flat, err)
	}
	for _, name := range []string{ConfusionFile, CurvesFile} {
		if !bytes.HasPrefix(files[name].Bytes(), []byte("\x89PNG")) {
			t.Errorf("%s is no PNG", name)
		}
	}
}

func TestDescribeDataset(t *testing.T) {
	want := []LeftOut{{"Hidden", 1, []string{".git"}}, {"Truncated", 3, []string{"cat/x.jpg"}}}
	got := example().Dataset
	if diff := cmp.Diff(want, got.LeftOut); diff != "" {
		t.Errorf("LeftOut (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]SkippedFile{{"cat/x.jpg", "Truncated", "truncated"}}, got.SkippedFiles); diff != "" || got.Skipped != 3 {
		t.Errorf("%d files skipped, named (-want +got):\n%s", got.Skipped, diff)
	}
	if diff := cmp.Diff([]string{"test"}, got.GivenParts); diff != "" {
		t.Errorf("GivenParts (-want +got):\n%s", diff)
	}
}

// What nobody means for an image is worth a line in the log, but no warning.
func TestLogDataset(t *testing.T) {
	var log bytes.Buffer
	LogDataset(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})), &dataset.Dataset{
		Samples: []dataset.Sample{{Part: dataset.PartTest}, {Part: dataset.PartTrain}}, SplitBy: contract.SplitByFolders,
		Skipped: dataset.Skipped{Count: 3, First: []dataset.SkippedFile{{Name: "cat/x.jpg", Err: errors.New("cut off")}}},
		LeftOut: []dataset.LeftOut{
			{Cause: dataset.CauseHidden, Count: 1, First: []string{".git"}},
			{Cause: dataset.CauseTruncated, Count: 3, First: []string{"cat/x.jpg", "cat/y.jpg"}},
		},
		Warnings: []string{"two classes are alike"},
	})
	want := `level=INFO msg="The dataset is split already; its parts are used" parts="[training test]" splitBy=Folders
level=WARN msg="File left out of the dataset" file=cat/x.jpg error="cut off"
level=INFO msg="Left out of the dataset" cause=Hidden count=1 examples=.git
level=WARN msg="Left out of the dataset" cause=Truncated count=3 examples="cat/x.jpg, cat/y.jpg"
level=WARN msg="Dataset: two classes are alike"
`
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestEvaluationHasNoCurves(t *testing.T) {
	var names []string
	r := example()
	r.History = nil
	err := r.Write(func(name string, write func(io.Writer) error) error {
		names = append(names, name)
		return write(io.Discard)
	})
	if diff := cmp.Diff([]string{ReportFile, MetricsFile, ConfusionFile}, names); diff != "" || err != nil {
		t.Errorf("files (-want +got):\n%s%v", diff, err)
	}
}

func TestWriteStopsAtTheFirstError(t *testing.T) {
	for _, failing := range []string{ReportFile, MetricsFile, ConfusionFile, CurvesFile} {
		err := example().Write(func(name string, write func(io.Writer) error) error {
			if name == failing {
				return errors.New(name)
			}
			return write(io.Discard)
		})
		if err == nil || err.Error() != failing {
			t.Errorf("got %v, want %s", err, failing)
		}
	}
}

// Whoever has to repair files needs more of their names than who may go on without them.
func TestLogRefused(t *testing.T) {
	d := &dataset.Dataset{Skipped: dataset.Skipped{Count: 60}, LeftOut: []dataset.LeftOut{{Cause: dataset.CauseTruncated, Count: 60, First: []string{"cat/0.jpg"}}}}
	for i := range 50 {
		d.Skipped.First = append(d.Skipped.First, dataset.SkippedFile{Name: fmt.Sprintf("cat/%d.jpg", i), Err: errors.New("cut off")})
	}
	for name, tc := range map[string]struct {
		log  func(*slog.Logger, *dataset.Dataset)
		want int
	}{"used": {LogDataset, maxLogged}, "refused": {LogRefused, 50}} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			tc.log(slog.New(slog.NewTextHandler(&log, nil)), d)
			if got := strings.Count(log.String(), `error="cut off"`); got != tc.want || !strings.Contains(log.String(), "cause=Truncated count=60") {
				t.Errorf("%d files are named, want %d; the log:\n%s", got, tc.want, log.String())
			}
		})
	}
}
