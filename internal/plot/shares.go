// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// MaxLines is how many lines Shares tells apart.
const MaxLines = 8

// palette has a color for each line (Okabe and Ito 2008).
var palette = [MaxLines]color.Color{
	blue, vermilion, color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff},
	color.RGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}, color.RGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}, ink, gray,
}

// Line is a curve through points, both of whose coordinates are shares, 0 to 1.
type Line struct {
	Name string
	X, Y []float64
}

// SharesPlot is a picture of lines.
type SharesPlot struct {
	Title, X, Y string
	Lines       []Line // MaxLines at most
	// Diagonal is drawn from 0, 0 to 1, 1: what guessing, or perfect calibration, comes to.
	Diagonal bool
	// Dots mark each point of the lines.
	Dots bool
}

// Shares draws it.
func Shares(w io.Writer, s SharesPlot) error {
	if len(s.Lines) == 0 || len(s.Lines) > MaxLines {
		return fmt.Errorf("%s: %d lines to draw, must be 1 to %d", s.Title, len(s.Lines), MaxLines)
	}
	p := newPlot(s.Title, s.X, s.Y)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = faint, faint
	p.Add(grid)
	if s.Diagonal {
		diagonal, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
		if err != nil {
			return fmt.Errorf("draw the diagonal: %w", err)
		}
		diagonal.Color, diagonal.Dashes = gray, []vg.Length{vg.Points(4), vg.Points(3)}
		p.Add(diagonal)
	}
	for i, l := range s.Lines {
		var points plotter.XYs
		for j := range l.X {
			points = append(points, plotter.XY{X: l.X[j], Y: l.Y[j]})
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("draw %s: %w", l.Name, err)
		}
		line.Color, line.Width = palette[i], vg.Points(1.8)
		p.Add(line)
		if s.Dots {
			dots.Color, dots.Radius, dots.Shape = palette[i], vg.Points(3), draw.CircleGlyph{}
			p.Add(dots)
		}
		if len(s.Lines) > 1 {
			p.Legend.Add(shortened(l.Name), line)
		}
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.Legend.Left, p.Legend.YOffs = !s.Diagonal, vg.Points(6) // where such lines are not
	const side = 4.6
	return writePNG(w, side, side, func(canvas draw.Canvas) {
		p.Draw(draw.Crop(canvas, vg.Points(8), -vg.Points(14), vg.Points(8), -vg.Points(8)))
	})
}
