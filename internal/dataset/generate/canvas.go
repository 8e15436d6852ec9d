// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"image"
	"math"

	"golang.org/x/image/vector"
)

// point is a position; y grows downwards.
type point struct{ x, y float64 }

func (p point) add(q point) point             { return point{p.x + q.x, p.y + q.y} }
func (p point) sub(q point) point             { return point{p.x - q.x, p.y - q.y} }
func (p point) scale(f float64) point         { return point{p.x * f, p.y * f} }
func (p point) lerp(q point, t float64) point { return p.add(q.sub(p).scale(t)) }
func (p point) norm2() float64                { return p.x*p.x + p.y*p.y }

// affine maps a point to (a·x + b·y + c, d·x + e·y + f).
type affine struct{ a, b, c, d, e, f float64 }

func (t affine) apply(p point) point {
	return point{t.a*p.x + t.b*p.y + t.c, t.d*p.x + t.e*p.y + t.f}
}

// of returns the map that applies inner first and t to the result.
func (t affine) of(inner affine) affine {
	return affine{
		t.a*inner.a + t.b*inner.d, t.a*inner.b + t.b*inner.e, t.a*inner.c + t.b*inner.f + t.c,
		t.d*inner.a + t.e*inner.d, t.d*inner.b + t.e*inner.e, t.d*inner.c + t.e*inner.f + t.f,
	}
}

func (t affine) inverse() affine {
	det := t.a*t.e - t.b*t.d
	inv := affine{a: t.e / det, b: -t.b / det, d: -t.d / det, e: t.a / det}
	inv.c = -(inv.a*t.c + inv.b*t.f)
	inv.f = -(inv.d*t.c + inv.e*t.f)
	return inv
}

// place moves the origin to at, scales by sx and sy and turns by angle, in
// radians, clockwise as seen.
func place(at point, sx, sy, angle float64) affine {
	sin, cos := math.Sincos(angle)
	return affine{cos * sx, -sin * sy, at.x, sin * sx, cos * sy, at.y}
}

// color is red, green and blue, each 0 to 1.
type color [3]float64

func gray(v float64) color { return color{v, v, v} }

func (c color) mix(d color, t float64) color {
	for i := range c {
		c[i] += (d[i] - c[i]) * t
	}
	return c
}

func (c color) times(f float64) color {
	for i := range c {
		c[i] *= f
	}
	return c
}

// paint gives a shape its color at each point, in the shape's coordinates.
type paint func(p point) color

func solid(c color) paint { return func(point) color { return c } }

// canvas is a square image under construction. Shapes are drawn in the unit
// square, antialiased, one over the other.
type canvas struct {
	size   int
	pixels []color
	raster *vector.Rasterizer
	mask   *image.Alpha
}

func newCanvas(size int) *canvas {
	return &canvas{
		size:   size,
		pixels: make([]color, size*size),
		raster: vector.NewRasterizer(size, size),
		mask:   image.NewAlpha(image.Rect(0, 0, size, size)),
	}
}

// fill draws a closed outline, moved by t, in the colors of paint.
func (c *canvas) fill(t affine, outline []point, opacity float64, paint paint) {
	t = affine{float64(c.size), 0, 0, 0, float64(c.size), 0}.of(t) // to pixels
	bounds := c.rasterize(t, outline)
	inverse := t.inverse()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			coverage := c.mask.Pix[(y-bounds.Min.Y)*c.mask.Stride+x-bounds.Min.X]
			if coverage == 0 {
				continue
			}
			p := inverse.apply(point{float64(x) + 0.5, float64(y) + 0.5})
			pixel := &c.pixels[y*c.size+x]
			*pixel = pixel.mix(paint(p), opacity*float64(coverage)/255)
		}
	}
}

// rasterize leaves the outline's coverage in the top left of mask and returns
// the pixels that it stands for.
func (c *canvas) rasterize(t affine, outline []point) image.Rectangle {
	moved := make([]point, len(outline))
	low, high := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for i, p := range outline {
		q := t.apply(p)
		moved[i] = q
		low = point{min(low.x, q.x), min(low.y, q.y)}
		high = point{max(high.x, q.x), max(high.y, q.y)}
	}
	bounds := image.Rect(int(math.Floor(low.x)), int(math.Floor(low.y)), int(math.Ceil(high.x)), int(math.Ceil(high.y)))
	bounds = bounds.Intersect(image.Rect(0, 0, c.size, c.size))
	if bounds.Empty() {
		return image.Rectangle{}
	}
	c.raster.Reset(bounds.Dx(), bounds.Dy())
	for i, p := range moved {
		x, y := float32(p.x-float64(bounds.Min.X)), float32(p.y-float64(bounds.Min.Y))
		if i == 0 {
			c.raster.MoveTo(x, y)
		} else {
			c.raster.LineTo(x, y)
		}
	}
	c.raster.ClosePath()
	area := image.Rect(0, 0, bounds.Dx(), bounds.Dy())
	for y := range area.Dy() {
		clear(c.mask.Pix[y*c.mask.Stride:][:area.Dx()])
	}
	c.raster.Draw(c.mask, area, image.Opaque, image.Point{})
	return bounds
}

// ellipse is the outline of an ellipse with half axes rx and ry.
func ellipse(center point, rx, ry float64) []point {
	const corners = 28
	outline := make([]point, corners)
	for i := range outline {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		outline[i] = point{center.x + rx*cos, center.y + ry*sin}
	}
	return outline
}

// smooth is a closed curve through the given points (a Catmull-Rom spline).
func smooth(knots ...point) []point {
	n := len(knots)
	outline := make([]point, 0, n*curveSteps)
	for i := range n {
		outline = append(outline, curve(knots[(i+n-1)%n], knots[i], knots[(i+1)%n], knots[(i+2)%n])...)
	}
	return outline
}

// curveSteps is the number of straight pieces between two knots of a curve.
const curveSteps = 6

// curve samples the part of a Catmull-Rom spline from p1 up to, but without, p2.
func curve(p0, p1, p2, p3 point) []point {
	out := make([]point, curveSteps)
	for i := range out {
		t := float64(i) / curveSteps
		t2, t3 := t*t, t*t*t
		w0, w1 := (-t3+2*t2-t)/2, (3*t3-5*t2+2)/2
		w2, w3 := (-3*t3+4*t2+t)/2, (t3-t2)/2
		out[i] = p0.scale(w0).add(p1.scale(w1)).add(p2.scale(w2)).add(p3.scale(w3))
	}
	return out
}

// stroke is the outline of a curved line through the given points, whose width
// goes from start to end.
func stroke(start, end float64, through ...point) []point {
	n := len(through)
	line := make([]point, 0, n*curveSteps)
	for i := range n - 1 {
		line = append(line, curve(through[max(i-1, 0)], through[i], through[i+1], through[min(i+2, n-1)])...)
	}
	line = append(line, through[n-1])
	left := make([]point, 0, 2*len(line))
	right := make([]point, 0, len(line))
	for i, p := range line {
		along := line[min(i+1, len(line)-1)].sub(line[max(i-1, 0)])
		length := math.Sqrt(along.norm2())
		if length == 0 {
			continue
		}
		half := (start + (end-start)*float64(i)/float64(len(line)-1)) / 2
		side := point{-along.y, along.x}.scale(half / length)
		left = append(left, p.add(side))
		right = append(right, p.sub(side))
	}
	for i := len(right) - 1; i >= 0; i-- {
		left = append(left, right[i])
	}
	return left
}
