// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/measures"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

// answered is a tally of two classes, of images of class 0, then of class 1, whose logit of class 1 is given.
func answered(zeros, ones []float32) *metrics.Tally {
	tally := metrics.NewTally(2)
	for label, logits := range [][]float32{zeros, ones} {
		for _, logit := range logits {
			tally.Add([]float32{0, logit}, label)
		}
	}
	return tally
}

func TestDetailsMeasure(t *testing.T) {
	d := &Details{}
	d.Measure(answered([]float32{-2, -1, 1}, []float32{0.5, 2}))
	if len(d.Curves) != 2 || len(d.Calibration) != 15 {
		t.Fatalf("%d curves, %d bins", len(d.Curves), len(d.Calibration))
	}
	c := d.Curves[1]
	if c.Class != 1 || c.Positives != 2 || c.Negatives != 3 || len(c.Thresholds) != Thresholds {
		t.Errorf("curve is %+v", c)
	}
	if got, want := c.Thresholds[50], (measures.Point{Threshold: 0.5, True: 2, False: 1}); got != want {
		t.Errorf("a threshold of 0.5 comes to %v, want %v", got, want)
	}
	x, y := c.ROC()
	if diff := cmp.Diff([][]float64{{0, 0, 1. / 3, 1. / 3, 2. / 3, 1}, {0, 0.5, 0.5, 1, 1, 1}}, [][]float64{x, y}); diff != "" {
		t.Errorf("ROC (-want +got):\n%s", diff)
	}
	x, y = c.PR()
	if diff := cmp.Diff([][]float64{{0.5, 0.5, 1, 1, 1}, {1, 0.5, 2. / 3, 0.5, 0.4}}, [][]float64{x, y}); diff != "" {
		t.Errorf("precision and recall (-want +got):\n%s", diff)
	}
	empty := &Details{}
	empty.Measure(metrics.NewTally(2))
	if empty.Curves != nil || empty.Calibration != nil {
		t.Errorf("without answers there are %+v", empty)
	}
}

func TestManyCurves(t *testing.T) {
	const classes = 60
	tally := metrics.NewTally(classes)
	r := &Report{}
	for class := range classes {
		r.Dataset.Classes = append(r.Dataset.Classes, strconv.Itoa(class))
		for i := range 2 {
			logits := make([]float32, classes)
			logits[class] = 1
			if class >= 55 && i == 0 { // taken for the next
				logits[class], logits[(class+1)%classes] = 0, 1
			}
			tally.Add(logits, class)
		}
	}
	r.Measure(tally)
	d := &Details{}
	d.Measure(tally)
	if len(d.Curves) != MaxCurves {
		t.Fatalf("%d curves", len(d.Curves))
	}
	var drawn []int
	for _, c := range r.Drawn(d) {
		drawn = append(drawn, c.Class)
	}
	if len(drawn) != 8 || !slices.IsSorted(drawn) || !slices.Contains(drawn, 0) || !slices.Contains(drawn, 56) {
		t.Errorf("drawn are %v, want those told apart worst", drawn)
	}
}

func TestSuspects(t *testing.T) {
	// On average images of class 1 get 0.73 of it: an image of class 0 that gets 0.95 looks like one, one that gets 0.6 doesn't,
	// and for one that gets 0.88 the model isn't sure enough.
	got := Suspects(answered([]float32{-3, 0.4, 3, 2}, []float32{1, 1, 1}))
	if diff := cmp.Diff([]bool{false, false, true, false, false, false, false}, got); diff != "" {
		t.Errorf("suspects (-want +got):\n%s", diff)
	}
}

func TestWriteDetails(t *testing.T) {
	r, d := example(), &Details{Pictures: PicturesShown, Mistakes: []Picture{{Name: "a", JPEG: []byte{1, 2}, Map: &Map{Width: 1, Height: 1, Values: []byte{3}}}}}
	d.Measure(answered([]float32{-2, -1, 1}, []float32{0.5, 2}))
	files := map[string][]byte{}
	var names []string
	add := func(name string, write func(io.Writer) error) error {
		var b bytes.Buffer
		err := write(&b)
		names, files[name] = append(names, name), b.Bytes()
		return err
	}
	if err := r.WriteDetails(d, add); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{DetailsFile, ROCFile, PRFile, CalibrationFile}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	got := &Details{}
	if err := json.Unmarshal(files[DetailsFile], got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, got); diff != "" {
		t.Errorf("details (-written +read):\n%s", diff)
	}
	for _, name := range names[1:] {
		if !bytes.HasPrefix(files[name], []byte("\x89PNG")) {
			t.Errorf("%s is no PNG", name)
		}
	}
	names = nil
	if err := r.WriteDetails(&Details{}, add); err != nil || len(names) != 1 {
		t.Errorf("without curves: %v, %v", names, err)
	}
	full := errors.New("full")
	for _, failing := range []string{DetailsFile, ROCFile} {
		err := r.WriteDetails(d, func(name string, _ func(io.Writer) error) error {
			if name == failing {
				return full
			}
			return nil
		})
		if !errors.Is(err, full) {
			t.Errorf("%s fails: got %v", failing, err)
		}
	}
}
