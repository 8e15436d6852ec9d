// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/measures"
	"github.com/trainyard-dev/trainyard/internal/plot"
)

// ROC returns the receiver operating characteristic: false positive rate and recall.
func (c Curve) ROC() (x, y []float64) {
	x, y = []float64{0}, []float64{0}
	for _, p := range c.Points {
		x, y = append(x, float64(p.False)/float64(c.Negatives)), append(y, float64(p.True)/float64(c.Positives))
	}
	return x, y
}

// PR returns recall and precision at each of the points.
func (c Curve) PR() (x, y []float64) {
	for _, p := range c.Points {
		x, y = append(x, float64(p.True)/float64(c.Positives)), append(y, float64(p.True)/float64(p.True+p.False))
	}
	return x, y
}

// Drawn returns the curves that a picture shows: of more than it tells apart those of the lowest average precision.
func (r *Report) Drawn(d *Details) []Curve {
	precision := func(c Curve) float64 {
		if p := r.PerClass[r.Dataset.Classes[c.Class]].AveragePrecision; p != nil {
			return *p
		}
		return 0
	}
	drawn := slices.Clone(d.Curves)
	slices.SortStableFunc(drawn, func(a, b Curve) int { return cmp.Compare(precision(a), precision(b)) })
	drawn = drawn[:min(plot.MaxLines, len(drawn))]
	slices.SortFunc(drawn, func(a, b Curve) int { return cmp.Compare(a.Class, b.Class) })
	return drawn
}

// WriteDetails writes what Write doesn't: details and their pictures.
func (r *Report) WriteDetails(d *Details, add func(name string, write func(io.Writer) error) error) error {
	if err := add(DetailsFile, func(w io.Writer) error { return json.NewEncoder(w).Encode(d) }); err != nil {
		return err
	}
	var roc, pr []plot.Line
	for _, curve := range r.Drawn(d) {
		name := r.Dataset.Classes[curve.Class]
		x, y := curve.ROC()
		roc = append(roc, plot.Line{Name: name, X: x, Y: y})
		x, y = curve.PR()
		pr = append(pr, plot.Line{Name: name, X: x, Y: y})
	}
	calibration := plot.Line{Name: "all classes"}
	for _, bin := range d.Calibration {
		if bin.Answers > 0 {
			calibration.X = append(calibration.X, bin.Confidence)
			calibration.Y = append(calibration.Y, float64(bin.Right)/float64(bin.Answers))
		}
	}
	pictures := map[string]plot.SharesPlot{}
	if len(roc) > 0 {
		pictures[ROCFile] = plot.SharesPlot{Title: "ROC", X: "false positive rate", Y: "recall", Lines: roc, Diagonal: true}
		pictures[PRFile] = plot.SharesPlot{Title: "Precision and recall", X: "recall", Y: "precision", Lines: pr}
	}
	if len(calibration.X) > 0 {
		pictures[CalibrationFile] = plot.SharesPlot{Title: "Calibration", X: "confidence", Y: "accuracy", Lines: []plot.Line{calibration}, Diagonal: true, Dots: true}
	}
	for _, name := range []string{ROCFile, PRFile, CalibrationFile} {
		picture, has := pictures[name]
		if !has {
			continue
		}
		if err := add(name, func(w io.Writer) error { return plot.Shares(w, picture) }); err != nil {
			return err
		}
	}
	return nil
}

// figures is the content of metrics.json, flat as programs that compare runs like it.
type figures struct {
	Version   int                          `json:"version"`
	Metrics   map[string]float64           `json:"metrics"`
	Intervals map[string]contract.Interval `json:"intervals,omitempty"`
	Classes   map[string]measures.Class    `json:"classes"`
}

func (r *Report) figures() figures {
	f := figures{Version: contract.Version, Metrics: map[string]float64{}, Intervals: map[string]contract.Interval{}, Classes: r.PerClass}
	for _, m := range r.Metrics {
		f.Metrics[m.Name] = m.Value
		if m.Interval != (contract.Interval{}) {
			f.Intervals[m.Name] = m.Interval
		}
	}
	return f
}
