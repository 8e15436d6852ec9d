// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"context"
	"math"

	"github.com/trainyard-dev/trainyard/internal/preprocess/kernels"
)

// resize decodes img, brings it to the Spec's size by its rule, stands it
// upright and writes 8-bit RGB of shape [Size, Size, 3] to dst.
func (s Spec) resize(ctx context.Context, dst []uint8, img opened) error {
	stored := dst
	if img.Orientation != 1 {
		stored = make([]uint8, s.PixelLen())
	}
	r := s.newResizer(stored, img)
	if err := img.rows(ctx, r.add); err != nil {
		return err
	}
	if img.Orientation != 1 {
		orient(dst, stored, s.Size, img.Orientation)
	}
	return nil
}

// window is a side of the square: count pixels, from first on, of a side of in
// pixels that is resized to out. Of an image that is decoded reduced, in has a
// fraction, and the last pixel reaches beyond.
type window struct {
	in                float64
	out, first, count int
}

// pixels is how many there are of the side.
func (w window) pixels() int { return int(math.Ceil(w.in)) }

// windows are those of the square's width and height, of an image that is
// decoded at a fraction of its size.
func (s Spec) windows(width, height, reduction int) (across, down window) {
	across = window{in: float64(width) / float64(reduction), out: s.Size, count: s.Size}
	down = window{in: float64(height) / float64(reduction), out: s.Size, count: s.Size}
	if s.Resize != ResizeCrop {
		return across, down
	}
	shorter := min(width, height)
	across.cut(s.ShorterSide, width, shorter)
	down.cut(s.ShorterSide, height, shorter)
	return across, down
}

// cut takes the middle of a side, where the shorter one becomes to.
func (w *window) cut(to, side, shorter int) {
	w.out = int(int64(to) * int64(side) / int64(shorter))
	w.first = int(math.RoundToEven(float64(w.out-w.count) / 2)) // as Python rounds
}

// reduction is by what an image's size is divided as it is decoded. What is left
// is still at least leastLeft times the size that it is resized to: then hardly
// a value of the result differs from the whole image's by more than some gray
// levels, the more is left the less.
func (s Spec) reduction(width, height int) int {
	const greatest, leastLeft = 8, 2
	if s.Decode != DecodeReduced {
		return 1
	}
	across, down := s.windows(width, height, 1)
	reduction := greatest
	for reduction > 1 && min(across.in/float64(across.out), down.in/float64(down.out)) < float64(leastLeft*reduction) {
		reduction /= 2
	}
	return reduction
}

// shape is a filter's: what a pixel at a distance weighs, before the weights are
// brought to a sum of 1, and the distance from where on that is nothing.
type shape struct {
	support float64
	weight  func(distance float64) float64
}

var (
	triangle = shape{1, func(distance float64) float64 { return max(1-distance, 0) }}
	cubic    = shape{2, func(distance float64) float64 {
		const a = -0.5 // as Pillow and torchvision with antialias have it
		switch {
		case distance < 1:
			return ((a+2)*distance-(a+3))*distance*distance + 1
		case distance < 2:
			return (((distance-5)*distance+8)*distance - 4) * a
		}
		return 0
	}}
)

// shape is that of the Spec's filter.
func (s Spec) shape() shape {
	if s.Filter == FilterBicubic {
		return cubic
	}
	return triangle
}

// taps returns those for each pixel of a window, which sum to 1. Where it is a
// reduction the filter is widened by the same factor.
func (f shape) taps(w window) []kernels.Taps {
	var (
		in      = w.pixels()
		scale   = w.in / float64(w.out)
		widened = max(scale, 1)
		support = f.support * widened
		filter  = make([]kernels.Taps, w.count)
		most    = int(2*support) + 2
		all     = make([]float32, w.count*most)
	)
	for i := range filter {
		center := (float64(w.first+i) + 0.5) * scale
		first := max(int(center-support+0.5), 0)
		end := min(int(center+support+0.5), in)
		weights := all[i*most:][:end-first]
		var sum float32
		for j := range weights {
			distance := math.Abs(float64(first+j)+0.5-center) / widened
			weights[j] = float32(f.weight(distance))
			sum += weights[j]
		}
		for j := range weights {
			weights[j] /= sum
		}
		filter[i] = kernels.Taps{First: first, Weights: weights}
	}
	return filter
}

// resizer makes a square image of the rows of another, which it is given one
// after the other. It keeps as many as one row of the result is made of.
type resizer struct {
	kernels *kernels.Set
	dst     []uint8
	size    int
	down    []kernels.Taps
	across  *kernels.Filter
	// kept holds the last source rows, row y at y modulo their number, each of
	// stride bytes.
	kept   []uint8
	stride int
	rows   int
	// y is the source row that comes next, out the row of the result.
	y, out int
	// sums is a row of the result before the horizontal pass: as long as a kept
	// row, and zeros behind it that the last pixels' filters may reach.
	sums []float32
}

func (s Spec) newResizer(dst []uint8, img opened) *resizer {
	across, down := s.windows(img.Width, img.Height, img.reduction)
	r := &resizer{
		kernels: kernels.Chosen, dst: dst, size: s.Size, down: s.shape().taps(down),
		across: kernels.NewFilter(s.shape().taps(across)), stride: rowStride(across.pixels()),
	}
	for _, t := range r.down {
		r.rows = max(r.rows, len(t.Weights))
	}
	r.kept = make([]uint8, r.rows*r.stride)
	r.sums = make([]float32, r.stride+r.across.Padding())
	return r
}

// rowStride is the length of a row of that many pixels as kernels take it.
func rowStride(width int) int {
	return (Channels*width + kernels.Lanes - 1) / kernels.Lanes * kernels.Lanes
}

// resizeMemory bounds what resizing takes in bytes.
func (s Spec) resizeMemory(img opened) int64 {
	width, height := ceilDiv(img.Width, img.reduction), ceilDiv(img.Height, img.reduction)
	const float32Bytes, perOutput = 4, 64
	support := int64(s.shape().support)
	tapsOf := func(in int) int64 { return support*(2*int64(in)/int64(s.Size)+1) + 3 } // rounded up; cut images have less
	kept := min(tapsOf(height), int64(height))
	filters := int64(s.Size) * (perOutput + float32Bytes*(2*tapsOf(width)+tapsOf(height)))
	sums := float32Bytes * (int64(rowStride(width)) + Channels*tapsOf(width) + 1)
	return kept*int64(rowStride(width)) + sums + filters + 2*int64(s.PixelLen())
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// add takes the next row of the source and makes the rows of the result that
// end with it.
func (r *resizer) add(row []uint8) {
	copy(r.kept[r.y%r.rows*r.stride:][:r.stride], row)
	r.y++
	for ; r.out < r.size; r.out++ {
		taps := r.down[r.out]
		if taps.First+len(taps.Weights) > r.y {
			return
		}
		sums := r.sums[:r.stride]
		clear(sums)
		// Those kept up to the end of the buffer come first.
		at := taps.First % r.rows
		upper := min(len(taps.Weights), r.rows-at)
		r.kernels.WeighRows(sums, r.kept[at*r.stride:], r.stride, taps.Weights[:upper])
		r.kernels.WeighRows(sums, r.kept, r.stride, taps.Weights[upper:])
		r.kernels.FilterRow(r.dst[r.out*r.size*Channels:][:r.size*Channels], r.sums, r.across)
	}
}
