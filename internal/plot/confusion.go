// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	// maxLabeled is the number of classes up to which cells and axes are labeled.
	maxLabeled = 20
	// maxClassLabel is the longest class name on an axis, in characters.
	maxClassLabel = 18
)

// ConfusionMatrix draws counts as a square of cells: rows are true classes, columns predicted ones, in the order of
// classes. A cell's shade is its share of its row.
func ConfusionMatrix(w io.Writer, classes []string, counts [][]int) error {
	n := len(classes)
	if n == 0 || len(counts) != n {
		return fmt.Errorf("confusion matrix has %d rows for %d classes", len(counts), n)
	}
	for i, row := range counts {
		if len(row) != n {
			return fmt.Errorf("row %d of the confusion matrix has %d columns for %d classes", i, len(row), n)
		}
	}
	p := newPlot(confusionTitle(counts), "predicted", "true")
	p.Add(cells(counts))
	p.X.Min, p.X.Max = 0, float64(n)
	p.Y.Min, p.Y.Max = 0, float64(n)
	p.X.Padding, p.Y.Padding = 0, 0
	p.X.LineStyle.Width, p.Y.LineStyle.Width = 0, 0
	p.X.Tick.Length, p.Y.Tick.Length = 0, 0
	columns, rows := classTicks(classes)
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(columns), plot.ConstantTicks(rows)
	if n > 4 && n <= maxLabeled {
		p.X.Tick.Label.Rotation = math.Pi / 2
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XRight, text.YCenter
		p.X.Padding = vg.Points(8) // turned labels reach beyond the axis
	}
	side := min(4.2+0.35*float64(max(0, n-2)), 10)
	return writePNG(w, side+0.6, side+0.4, func(canvas draw.Canvas) {
		p.Draw(draw.Crop(canvas, vg.Points(8), -vg.Points(14), vg.Points(8), -vg.Points(8)))
	})
}

func confusionTitle(counts [][]int) string {
	correct, total := 0, 0
	for i, row := range counts {
		correct += row[i]
		for _, count := range row {
			total += count
		}
	}
	return fmt.Sprintf("%d of %d images right", correct, total)
}

// classTicks labels the middle of each column, and of each row from the top down.
func classTicks(classes []string) (columns, rows []plot.Tick) {
	if len(classes) > maxLabeled {
		return nil, nil
	}
	for i, class := range classes {
		label := shortened(class)
		columns = append(columns, plot.Tick{Value: float64(i) + 0.5, Label: label})
		rows = append(rows, plot.Tick{Value: float64(len(classes)-i) - 0.5, Label: label})
	}
	return columns, rows
}

// shortened is the name of a class as pictures have room for it.
func shortened(class string) string {
	if runes := []rune(class); len(runes) > maxClassLabel {
		return string(runes[:maxClassLabel-1]) + "…"
	}
	return class
}

// cells plots a confusion matrix, row 0 at the top.
type cells [][]int

// Plot implements plot.Plotter.
func (c cells) Plot(canvas draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&canvas)
	n := len(c)
	label := draw.TextStyle{Font: sans(vg.Length(max(7, 14-n/2))), Handler: p.TextHandler, XAlign: text.XCenter, YAlign: text.YCenter}
	for i, row := range c {
		total := 0
		for _, count := range row {
			total += count
		}
		for j, count := range row {
			share := 0.0
			if total > 0 {
				share = float64(count) / float64(total)
			}
			left, right := x(float64(j)), x(float64(j+1))
			bottom, top := y(float64(n-i-1)), y(float64(n-i))
			canvas.FillPolygon(shade(share), []vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}})
			if n > maxLabeled {
				continue
			}
			canvas.StrokeLines(draw.LineStyle{Color: color.White, Width: vg.Points(1.5)},
				[]vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}, {X: left, Y: bottom}})
			label.Color = ink
			if share > 0.5 {
				label.Color = color.White
			}
			canvas.FillText(label, vg.Point{X: (left + right) / 2, Y: (bottom + top) / 2}, cellText(count, share, n))
		}
	}
}

// cellText is the count and, where there is room, its share of the row.
func cellText(count int, share float64, classes int) string {
	if classes > 6 {
		if count == 0 {
			return ""
		}
		return strconv.Itoa(count)
	}
	return fmt.Sprintf("%d\n%.1f%%", count, 100*share)
}

// shade blends from near white to dark blue.
func shade(share float64) color.Color {
	light, dark := [3]float64{0xf3, 0xf7, 0xfb}, [3]float64{0x08, 0x45, 0x8a}
	var mixed [3]uint8
	for i := range mixed {
		mixed[i] = uint8(light[i] + (dark[i]-light[i])*share)
	}
	return color.RGBA{R: mixed[0], G: mixed[1], B: mixed[2], A: 0xff}
}
