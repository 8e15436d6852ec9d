// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Epoch is what one epoch of training came to. Losses are mean cross-entropies; accuracies are shares, 0 to 1.
type Epoch struct {
	TrainLoss, TrainAccuracy           float64
	ValidationLoss, ValidationAccuracy float64
	// LearningRate is drawn if it is above 0 in an epoch.
	LearningRate float64
}

// TrainingCurves draws loss and accuracy, and the learning rate if there is one, over the epochs, side by side, and marks the epoch whose weights were kept.
// best counts from 1.
func TrainingCurves(w io.Writer, epochs []Epoch, best int) error {
	if len(epochs) == 0 {
		return errors.New("no epochs to draw")
	}
	if best < 1 || best > len(epochs) {
		return fmt.Errorf("best epoch is %d of %d", best, len(epochs))
	}
	loss, err := curve(epochs, best, "Loss", "mean cross-entropy", func(e Epoch) (float64, float64) {
		return e.TrainLoss, e.ValidationLoss
	})
	if err != nil {
		return err
	}
	loss.Legend.Top = true
	accuracy, err := curve(epochs, best, "Accuracy", "share of images, %", func(e Epoch) (float64, float64) {
		return 100 * e.TrainAccuracy, 100 * e.ValidationAccuracy
	})
	if err != nil {
		return err
	}
	panels := []*plot.Plot{loss, accuracy}
	if slices.ContainsFunc(epochs, func(e Epoch) bool { return e.LearningRate > 0 }) {
		rate, err := rates(epochs)
		if err != nil {
			return err
		}
		panels = append(panels, rate)
	}
	return writePNG(w, panelWidth*float64(len(panels)), 4, func(canvas draw.Canvas) {
		tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: vg.Points(18), PadLeft: vg.Points(8), PadRight: vg.Points(14), PadTop: vg.Points(8), PadBottom: vg.Points(8)}
		for i, panel := range panels {
			panel.Draw(tiles.At(canvas, i, 0))
		}
	})
}

// panelWidth is that of each curve, in inches.
const panelWidth = 4.75

// rates plots the learning rate at the end of each epoch.
func rates(epochs []Epoch) (*plot.Plot, error) {
	p := newPlot("Learning rate", "epoch", "")
	var points plotter.XYs
	for i, e := range epochs {
		points = appendFinite(points, i+1, e.LearningRate)
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return nil, fmt.Errorf("draw the learning rate: %w", err)
	}
	line.Color, line.Width = blue, vg.Points(1.8)
	dots.Color, dots.Radius, dots.Shape = blue, dotRadius(len(epochs)), draw.CircleGlyph{}
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = faint
	p.Add(grid, line, dots)
	p.X.Min, p.X.Max, p.Y.Min = 0.5, float64(len(epochs))+0.5, 0
	p.X.Tick.Marker = wholeTicks{}
	return p, nil
}

// curve plots a training and a validation figure over the epochs.
func curve(epochs []Epoch, best int, title, unit string, figures func(Epoch) (train, validation float64)) (*plot.Plot, error) {
	p := newPlot(title, "epoch", unit)
	var train, validation plotter.XYs
	for i, e := range epochs {
		t, v := figures(e)
		train = appendFinite(train, i+1, t)
		validation = appendFinite(validation, i+1, v)
	}
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = faint
	p.Add(grid)
	for _, series := range []struct {
		name   string
		points plotter.XYs
		color  color.Color
		dashes []vg.Length
	}{
		{"training", train, blue, []vg.Length{vg.Points(5), vg.Points(3)}},
		{"validation", validation, vermilion, nil},
	} {
		if len(series.points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(series.points)
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", series.name, err)
		}
		line.Color, line.Width, line.Dashes = series.color, vg.Points(1.8), series.dashes
		dots.Color, dots.Radius, dots.Shape = series.color, dotRadius(len(epochs)), draw.CircleGlyph{}
		p.Add(line, dots)
		p.Legend.Add(series.name, line)
	}
	if _, v := figures(epochs[best-1]); isFinite(v) {
		mark, err := plotter.NewScatter(plotter.XYs{{X: float64(best), Y: v}})
		if err != nil {
			return nil, fmt.Errorf("draw best epoch: %w", err)
		}
		mark.Color, mark.Radius, mark.Shape = ink, vg.Points(5.5), draw.RingGlyph{}
		p.Add(mark)
		p.Legend.Add("kept: epoch "+strconv.Itoa(best), mark)
	}
	p.X.Min, p.X.Max = 0.5, float64(len(epochs))+0.5
	p.X.Tick.Marker = wholeTicks{}
	return p, nil
}

// appendFinite leaves out what can't be drawn, such as the loss of a run that diverged.
func appendFinite(points plotter.XYs, epoch int, value float64) plotter.XYs {
	if !isFinite(value) {
		return points
	}
	return append(points, plotter.XY{X: float64(epoch), Y: value})
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func dotRadius(epochs int) vg.Length {
	if epochs > 40 {
		return 0
	}
	return vg.Points(2.2)
}

// wholeTicks marks up to about ten whole numbers.
type wholeTicks struct{}

// Ticks implements plot.Ticker.
func (wholeTicks) Ticks(least, most float64) []plot.Tick {
	first, last := int(math.Ceil(least)), int(math.Floor(most))
	step := 1
	for _, s := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000} {
		if step = s; (last-first)/step < 10 {
			break
		}
	}
	var ticks []plot.Tick
	for v := (first + step - 1) / step * step; v <= last; v += step {
		ticks = append(ticks, plot.Tick{Value: float64(v), Label: strconv.Itoa(v)})
	}
	return ticks
}
