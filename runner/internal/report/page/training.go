// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// maxDrawnEpochs bounds the points of a line, and the rows of the table of epochs.
const maxDrawnEpochs = maxRows

// trainingView is how a run was trained.
type trainingView struct {
	Charts []chart
	Epochs table
}

// epoch is one with its number.
type epoch struct {
	report.Epoch

	number int
	kept   bool
}

func newTrainingView(r *report.Report) *trainingView {
	if r.History == nil || len(r.History.Epochs) == 0 {
		return nil
	}
	epochs := someEpochs(r.History)
	v := &trainingView{}
	v.Charts = append(v.Charts,
		epochsChart("loss", "Loss", "mean cross-entropy", epochs, loss, func(e epoch) (float64, float64) { return e.TrainLoss, e.ValidationLoss }),
		epochsChart("accuracy", "Accuracy", "share of images", epochs, share, func(e epoch) (float64, float64) { return e.TrainAccuracy, e.ValidationAccuracy }),
	)
	rates := slices.ContainsFunc(epochs, func(e epoch) bool { return e.LearningRate > 0 })
	if rates {
		v.Charts = append(v.Charts, ratesChart(epochs))
	}
	v.Epochs = table{Caption: "Epochs", Head: []column{words("Epoch"), number("Training loss"), number("Validation loss"), number("Training accuracy"), number("Validation accuracy")}}
	if rates {
		v.Epochs.Head = append(v.Epochs.Head, number("Learning rate"))
	}
	for _, e := range epochs {
		name := count(e.number)
		if e.kept {
			name += " (kept)"
		}
		row := []string{name, loss(e.TrainLoss), loss(e.ValidationLoss), share(e.TrainAccuracy), share(e.ValidationAccuracy)}
		if rates {
			row = append(row, loss(e.LearningRate))
		}
		v.Epochs.Rows = append(v.Epochs.Rows, row)
	}
	if n := len(r.History.Epochs); n > len(epochs) {
		v.Epochs.More = fmt.Sprintf("These are %d of %d epochs; all are in report.json.", len(epochs), n)
	}
	return v
}

// someEpochs are all, or as many as can be told apart, with the first, the last and the one that was kept.
func someEpochs(h *report.History) []epoch {
	n := len(h.Epochs)
	var some []epoch
	for i, e := range h.Epochs {
		kept := i+1 == h.BestEpoch
		if n <= maxDrawnEpochs || kept || i == n-1 || i*maxDrawnEpochs/n != (i-1)*maxDrawnEpochs/n || i == 0 {
			some = append(some, epoch{Epoch: e, number: i + 1, kept: kept})
		}
	}
	return some
}

// epochsChart draws a training and a validation figure over the epochs.
func epochsChart(id, title, unit string, epochs []epoch, show func(float64) string, of func(epoch) (train, validation float64)) chart {
	first, last := epochs[0].number, epochs[len(epochs)-1].number
	a := axes{xMin: float64(first), xMax: float64(last)}
	if first == last {
		a.xMin, a.xMax = a.xMin-0.5, a.xMax+0.5
	}
	var x, train, validation []float64
	for _, e := range epochs {
		t, v := of(e)
		x, train, validation = append(x, float64(e.number)), append(train, t), append(validation, v)
	}
	if id == "loss" {
		a.yMax = top(slices.Concat(train, validation))
	} else {
		a.yMin, a.yMax = bottom(slices.Concat(train, validation)), 1
	}
	c := chart{ID: id, Title: title, X: "epoch", Y: unit, Describe: title + " of each epoch, on training and on validation images"}
	p := &plotter{axes: a, chart: &c}
	c.XTicks, c.YTicks = niceTicks(a.xMin, a.xMax, true, a.x), niceTicks(a.yMin, a.yMax, false, a.y)
	says := func(name string, values []float64) func(int) string {
		return func(i int) string { return fmt.Sprintf("Epoch %d, %s: %s", epochs[i].number, name, show(values[i])) }
	}
	few := len(epochs) <= 40
	p.add("training", x, train, true, few, says("training", train))
	p.add("validation", x, validation, false, few, says("validation", validation))
	for i, e := range epochs {
		if e.kept && finite(validation[i]) {
			c.Marks = append(c.Marks, mark{X: a.x(x[i]), Y: a.y(validation[i]), Label: "kept"})
		}
	}
	p.done()
	return c
}

// ratesChart draws the learning rate over the epochs.
func ratesChart(epochs []epoch) chart {
	first, last := epochs[0].number, epochs[len(epochs)-1].number
	a := axes{xMin: float64(first), xMax: float64(last)}
	if first == last {
		a.xMin, a.xMax = a.xMin-0.5, a.xMax+0.5
	}
	var x, rates []float64
	for _, e := range epochs {
		x, rates = append(x, float64(e.number)), append(rates, e.LearningRate)
	}
	a.yMax = top(rates)
	c := chart{ID: "rate", Title: "Learning rate", X: "epoch", Y: "", Describe: "Learning rate at the end of each epoch"}
	p := &plotter{axes: a, chart: &c}
	c.XTicks, c.YTicks = niceTicks(a.xMin, a.xMax, true, a.x), niceTicks(0, a.yMax, false, a.y)
	p.add("learning rate", x, rates, false, len(epochs) <= 40, func(i int) string {
		return fmt.Sprintf("Epoch %d: %s", epochs[i].number, loss(rates[i]))
	})
	p.done()
	return c
}

// top is a round number that is no less than the values.
func top(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		if finite(v) {
			most = max(most, v)
		}
	}
	if most == 0 {
		return 1
	}
	step := niceStep(most / 5)
	for at := step; ; at += step {
		if at >= most {
			return at
		}
	}
}

// bottom is a tenth that is no more than the values, and below 1.
func bottom(values []float64) float64 {
	least := 9
	for _, v := range values {
		if finite(v) {
			least = min(least, int(10*v))
		}
	}
	return float64(max(least, 0)) / 10
}
