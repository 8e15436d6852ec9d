// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// resolution of the pictures in dots per inch.
const resolution = 144

// Colors that people with color-blindness can tell apart (Okabe and Ito 2008), and grays.
var (
	blue      = color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}
	vermilion = color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}
	ink       = color.RGBA{R: 0x22, G: 0x22, B: 0x22, A: 0xff}
	gray      = color.RGBA{R: 0x77, G: 0x77, B: 0x77, A: 0xff}
	faint     = color.RGBA{R: 0xe4, G: 0xe4, B: 0xe4, A: 0xff}
)

// newPlot returns an empty plot in the common style.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	style(&p.Title.TextStyle.Font, &p.Title.TextStyle.Color, 13, ink)
	for _, axis := range []struct {
		*plot.Axis
		label string
	}{{&p.X, x}, {&p.Y, y}} {
		axis.Label.Text = axis.label
		axis.Label.Padding = vg.Points(5)
		style(&axis.Label.TextStyle.Font, &axis.Label.TextStyle.Color, 11, ink)
		style(&axis.Tick.Label.Font, &axis.Tick.Label.Color, 10, ink)
		axis.LineStyle.Color = gray
		axis.Tick.LineStyle.Color = gray
	}
	p.Legend.TextStyle.Color = ink
	p.Legend.TextStyle.Font = sans(10)
	p.Legend.ThumbnailWidth = vg.Points(18)
	p.Legend.Padding = vg.Points(3)
	return p
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: plot.DefaultFont.Typeface, Variant: "Sans", Size: font.Length(size)}
}

func style(f *font.Font, c *color.Color, size vg.Length, ink color.Color) {
	*f = sans(size)
	*c = ink
}

// writePNG draws on a white canvas of the given size in inches and writes it.
func writePNG(w io.Writer, width, height float64, paint func(draw.Canvas)) error {
	canvas := vgimg.NewWith(
		vgimg.UseWH(vg.Length(width)*vg.Inch, vg.Length(height)*vg.Inch),
		vgimg.UseDPI(resolution),
		vgimg.UseBackgroundColor(color.White),
	)
	paint(draw.New(canvas))
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(w); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}
