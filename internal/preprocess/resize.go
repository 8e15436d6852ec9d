// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"image"
	"image/draw"
	"math"
)

// ResizeRGB brings img to the Spec's size by its rule, stands it upright and
// writes 8-bit RGB of shape [Size, Size, 3] to dst, which holds at least
// PixelLen bytes. Transparent pixels are laid over white. The Spec must be
// valid and img not empty.
//
// Rows are filtered as they are read, the vertical direction first, so beside
// img itself it takes memory for a few rows only, however tall or wide img is.
func (s Spec) ResizeRGB(dst []uint8, img Image) {
	if img.Orientation > 1 {
		upright := dst
		dst = make([]uint8, s.PixelLen())
		defer func() { orient(upright, dst, s.Size, img.Orientation) }()
	}
	var (
		bounds = img.Pixels.Bounds()
		across = triangleFilter(bounds.Dx(), s.Size)
		down   = triangleFilter(bounds.Dy(), s.Size)
		window = newRowWindow(img.Pixels, down)
		// sums is one output row before the horizontal pass: red, green, blue
		// and a fourth that is not used, for each source column.
		sums = make([]float32, 4*bounds.Dx())
	)
	for y, taps := range down {
		clear(sums)
		source := window.rows(taps.first, len(taps.weights))
		for i, weight := range taps.weights {
			addScaled(sums, source[i*len(sums):], weight)
		}
		filterRow(dst[y*s.Size*Channels:][:s.Size*Channels], sums, across)
	}
}

// taps are the source pixels that make one output pixel: weights[i] belongs to
// pixel first+i. They sum to 1.
type taps struct {
	first   int
	weights []float32
}

// triangleFilter returns the taps for each of out pixels made from in. Where
// that is a reduction the filter is widened by the same factor.
func triangleFilter(in, out int) []taps {
	var (
		scale   = float64(in) / float64(out)
		support = max(scale, 1)
		filter  = make([]taps, out)
	)
	for i := range filter {
		center := (float64(i) + 0.5) * scale
		first := max(int(center-support+0.5), 0)
		end := min(int(center+support+0.5), in)
		weights := make([]float32, end-first)
		var sum float32
		for j := range weights {
			distance := math.Abs(float64(first+j)+0.5-center) / support
			weights[j] = float32(max(1-distance, 0))
			sum += weights[j]
		}
		for j := range weights {
			weights[j] /= sum
		}
		filter[i] = taps{first: first, weights: weights}
	}
	return filter
}

// addScaled adds weight times each byte of row, RGBA, to sums, but for the
// alpha channel.
func addScaled(sums []float32, row []uint8, weight float32) {
	for len(sums) >= 4 && len(row) >= 4 {
		sums[0] += weight * float32(row[0])
		sums[1] += weight * float32(row[1])
		sums[2] += weight * float32(row[2])
		sums, row = sums[4:], row[4:]
	}
}

// filterRow applies the horizontal filter to a row of four sums a pixel and
// writes RGB.
func filterRow(dst []uint8, sums []float32, across []taps) {
	for x, taps := range across {
		var r, g, b float32
		source := sums[4*taps.first:]
		for i, weight := range taps.weights {
			pixel := source[4*i : 4*i+3]
			r += weight * pixel[0]
			g += weight * pixel[1]
			b += weight * pixel[2]
		}
		out := dst[Channels*x : Channels*x+3]
		out[0], out[1], out[2] = round8(r), round8(g), round8(b)
	}
}

func round8(v float32) uint8 {
	return uint8(min(max(v+0.5, 0), 255))
}

// rowWindow converts the rows of an image to RGBA over white, once each, and
// keeps only those that one output row needs.
type rowWindow struct {
	source image.Image
	buffer *image.RGBA
	// The rows from first to end, counted from the top of source, are in buffer.
	first, end int
}

func newRowWindow(source image.Image, down []taps) *rowWindow {
	width := source.Bounds().Dx()
	height := 1
	for _, t := range down {
		height = max(height, len(t.weights))
	}
	// Converting several rows at a time spares calls where rows are short.
	height = max(height, min(source.Bounds().Dy(), 4096/width))
	return &rowWindow{source: source, buffer: image.NewRGBA(image.Rect(0, 0, width, height))}
}

// rows returns count rows from first on as RGBA bytes. Successive calls never
// go back up.
func (w *rowWindow) rows(first, count int) []uint8 {
	stride := w.buffer.Stride
	if first+count > w.end {
		if kept := w.end - first; kept > 0 {
			copy(w.buffer.Pix, w.buffer.Pix[(first-w.first)*stride:][:kept*stride])
		} else {
			w.end = first
		}
		w.first = first
		w.fill()
	}
	return w.buffer.Pix[(first-w.first)*stride:][:count*stride]
}

// fill converts rows from end on until the buffer or the source is exhausted.
func (w *rowWindow) fill() {
	from := w.source.Bounds().Min.Add(image.Pt(0, w.end))
	target := w.buffer.Bounds()
	target.Min.Y = w.end - w.first
	target.Max.Y = min(target.Max.Y, w.source.Bounds().Dy()-w.first)
	draw.Draw(w.buffer, target, image.White, image.Point{}, draw.Src)
	draw.Draw(w.buffer, target, w.source, from, draw.Over)
	w.end = w.first + target.Max.Y
}
