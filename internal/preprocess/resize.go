// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"context"
	"math"
)

// resize decodes img, brings it to the Spec's size by its rule, stands it
// upright and writes 8-bit RGB of shape [Size, Size, 3] to dst.
func (s Spec) resize(ctx context.Context, dst []uint8, img opened) error {
	stored := dst
	if img.Orientation != 1 {
		stored = make([]uint8, s.PixelLen())
	}
	r := s.newResizer(stored, img.Width, img.Height)
	if err := img.rows(ctx, r.add); err != nil {
		return err
	}
	if img.Orientation != 1 {
		orient(dst, stored, s.Size, img.Orientation)
	}
	return nil
}

// taps are the source pixels that make one output pixel: weights[i] belongs to
// pixel first+i. They sum to 1.
type taps struct {
	first   int
	weights []float32
}

// window is a side of the square: count pixels, from first on, of a side of in
// pixels that is resized to out.
type window struct{ in, out, first, count int }

// windows are those of the square's width and height.
func (s Spec) windows(width, height int) (across, down window) {
	across, down = window{in: width, out: s.Size, count: s.Size}, window{in: height, out: s.Size, count: s.Size}
	if s.Resize != ResizeCrop {
		return across, down
	}
	shorter := min(width, height)
	for _, w := range []*window{&across, &down} {
		w.out = int(int64(s.ShorterSide) * int64(w.in) / int64(shorter))
		w.first = int(math.RoundToEven(float64(w.out-w.count) / 2)) // as Python rounds
	}
	return across, down
}

// triangleFilter returns the taps for each pixel of a window. Where it is a
// reduction the filter is widened by the same factor.
func triangleFilter(w window) []taps {
	var (
		in      = w.in
		scale   = float64(in) / float64(w.out)
		support = max(scale, 1)
		filter  = make([]taps, w.count)
	)
	for i := range filter {
		center := (float64(w.first+i) + 0.5) * scale
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

// resizer makes a square image of the rows of another, which it is given one
// after the other. It keeps as many as one row of the result is made of.
type resizer struct {
	dst          []uint8
	size         int
	across, down []taps
	// kept holds the last source rows, row y at y modulo their number, each of
	// stride bytes.
	kept   []uint8
	stride int
	rows   int
	// y is the source row that comes next, out the row of the result.
	y, out int
	// sums is a row of the result before the horizontal pass.
	sums []float32
}

func (s Spec) newResizer(dst []uint8, width, height int) *resizer {
	across, down := s.windows(width, height)
	r := &resizer{
		dst: dst, size: s.Size, across: triangleFilter(across), down: triangleFilter(down),
		stride: Channels * width, sums: make([]float32, Channels*width),
	}
	for _, t := range r.down {
		r.rows = max(r.rows, len(t.weights))
	}
	r.kept = make([]uint8, r.rows*r.stride)
	return r
}

// resizeMemory bounds what resizing takes in bytes.
func (s Spec) resizeMemory(width, height int) int64 {
	const float32Bytes, perTap, perOutput = 4, 4, 32
	kept := min(2*int64(height)/int64(s.Size)+4, int64(height)) // a triangle's support, rounded up; cut images have less
	filters := perTap*2*int64(width+height+4*s.Size) + 2*perOutput*int64(s.Size)
	return kept*Channels*int64(width) + float32Bytes*Channels*int64(width) + filters + 2*int64(s.PixelLen())
}

// add takes the next row of the source and makes the rows of the result that
// end with it.
func (r *resizer) add(row []uint8) {
	copy(r.kept[r.y%r.rows*r.stride:][:r.stride], row)
	r.y++
	for ; r.out < r.size; r.out++ {
		taps := r.down[r.out]
		if taps.first+len(taps.weights) > r.y {
			return
		}
		clear(r.sums)
		y, weights := taps.first, taps.weights
		for ; len(weights) >= 4; y, weights = y+4, weights[4:] {
			addScaled4(r.sums, r.row(y), r.row(y+1), r.row(y+2), r.row(y+3), [4]float32(weights))
		}
		for i, weight := range weights {
			addScaled(r.sums, r.row(y+i), weight)
		}
		filterRow(r.dst[r.out*r.size*Channels:][:r.size*Channels], r.sums, r.across)
	}
}

// row returns source row y, which is one of the last.
func (r *resizer) row(y int) []uint8 { return r.kept[y%r.rows*r.stride:][:r.stride] }

// addScaled adds weight times each value of row to sums.
func addScaled(sums []float32, row []uint8, weight float32) {
	row = row[:len(sums)]
	for i, v := range row {
		sums[i] += weight * float32(v)
	}
}

// addScaled4 is addScaled for four rows, one after the other, in one pass over
// sums.
func addScaled4(sums []float32, row0, row1, row2, row3 []uint8, weights [4]float32) {
	row0, row1, row2, row3 = row0[:len(sums)], row1[:len(sums)], row2[:len(sums)], row3[:len(sums)]
	w0, w1, w2, w3 := weights[0], weights[1], weights[2], weights[3]
	for i, sum := range sums {
		sum += w0 * float32(row0[i])
		sum += w1 * float32(row1[i])
		sum += w2 * float32(row2[i])
		sum += w3 * float32(row3[i])
		sums[i] = sum
	}
}

// filterRow applies the horizontal filter to a row of sums and writes RGB.
func filterRow(dst []uint8, sums []float32, across []taps) {
	for x, taps := range across {
		var r, g, b float32
		source := sums[Channels*taps.first:]
		for i, weight := range taps.weights {
			pixel := source[Channels*i : Channels*i+3]
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
