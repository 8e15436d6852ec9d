// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Band is how output rows of a 3×3 convolution with stride 1, counted over the batch, are cut into bands. The input rows of a
// band are copied with their padding to scratch memory; there the window of neighboring pixels is a plain load at each tap.
type Band struct {
	Shape   tensor.ConvShape
	OutH    int
	OutW    int
	Rows    int       // output rows of a band
	Stride  int       // floats of a scratch row
	pixels  int       // pixels of a vector
	Vectors int       // vectors of an output row
	Input   []float32 // what Load reads
}

// NewBand plans bands whose scratch memory holds channels planes in about budget floats. Vectors have the given number of
// pixels, a multiple of 8.
func NewBand(s tensor.ConvShape, pixels, channels, budget int) Band {
	b := Band{Shape: s, OutH: s.OutHeight(), OutW: s.OutWidth(), pixels: pixels}
	b.Vectors = exec.CeilDiv(b.OutW, pixels)
	b.Stride = b.Vectors*pixels + lanes // the last vector's windows reach 2 further
	total := s.Batch * b.OutH
	rows := min(max(budget/(channels*b.Stride)-2, 1), total)
	b.Rows = exec.CeilDiv(total, exec.CeilDiv(total, rows))
	return b
}

// bands returns the number of bands.
func (b *Band) bands() int { return exec.CeilDiv(b.Shape.Batch*b.OutH, b.Rows) }

// scratchRows returns an upper bound for the scratch rows of one plane of a band: two more than output rows for each
// image that the band touches.
func (b *Band) scratchRows() int { return b.Rows + 2*((b.Rows-2)/b.OutH+2) }

// ChannelStride returns the floats from one scratch plane to the next, kept off multiples of the cache's way size.
func (b *Band) ChannelStride() int {
	n := b.scratchRows() * b.Stride
	if n%256 == 0 {
		n += 2 * lanes
	}
	return n
}

// Load copies the input rows that output rows [first, last) need, with their padding, from planes [c0, c1) to scratch.
func (b *Band) Load(scratch []float32, c0, c1, first, last int) {
	s := &b.Shape
	plane := s.InHeight * s.InWidth
	for c := c0; c < c1; c++ {
		dst := scratch[(c-c0)*b.ChannelStride():][:b.ChannelStride()]
		for row := first; row < last; {
			image, oy := row/b.OutH, row%b.OutH
			n := min(last-row, b.OutH-oy)
			x := b.Input[(image*s.InChannels+c)*plane:][:plane]
			for iy := oy - s.PadTop; iy < oy-s.PadTop+n+2; iy++ {
				out := dst[:b.Stride]
				dst = dst[b.Stride:]
				if uint(iy) >= uint(s.InHeight) {
					clear(out)
					continue
				}
				clear(out[:s.PadLeft])
				copy(out[s.PadLeft:], x[iy*s.InWidth:][:s.InWidth])
				clear(out[s.PadLeft+s.InWidth:])
			}
			row += n
		}
	}
}

// Tiles lists the places of the vectors of output rows [first, last), three to a tile, and returns the number of tiles.
// The last vector of a row overlaps the one before if the width is not a multiple of a vector's; the last tile repeats its last
// vector if it is not full. A channel's output rows follow one another from first on if scratch is set, or else lie in the
// output.
func (b *Band) Tiles(state *exec.Worker, first, last int, scratch bool) int {
	count := exec.CeilDiv((last-first)*b.Vectors, tileVectors)
	state.Offsets = exec.Grow(state.Offsets, count*2*tileVectors)
	i, scratchRow := 0, 0
	var in, out int
	for row := first; row < last; row++ {
		image, oy := row/b.OutH, row%b.OutH
		if oy == 0 && row > first {
			scratchRow += 2
		}
		for v := range b.Vectors {
			column := min(v*b.pixels, b.OutW-b.pixels)
			in = (scratchRow*b.Stride + column) * floatSize
			out = ((image*b.Shape.OutChannels*b.OutH+oy)*b.OutW + column) * floatSize
			if scratch {
				out = ((row-first)*b.OutW + column) * floatSize
			}
			setOffset(state, i, in, out)
			i++
		}
		scratchRow++
	}
	for ; i < count*tileVectors; i++ {
		setOffset(state, i, in, out)
	}
	return count
}

// setOffset records the places of the i-th vector.
func setOffset(w *exec.Worker, i, in, out int) {
	tile := w.Offsets[i/tileVectors*2*tileVectors:]
	tile[i%tileVectors], tile[tileVectors+i%tileVectors] = in, out
}

// RowOffsets lists where the scratch rows of output rows [first, last) begin.
func (b *Band) RowOffsets(state *exec.Worker, first, last int) {
	state.Offsets = exec.Grow(state.Offsets, last-first)
	scratchRow := 0
	for row := first; row < last; row++ {
		if row%b.OutH == 0 && row > first {
			scratchRow += 2
		}
		state.Offsets[row-first] = scratchRow * b.Stride * floatSize
		scratchRow++
	}
}

// ShareImage cuts each image by itself into equal bands of about rows rows, a multiple of 2 and at least 2. An odd last row
// is left out.
func (b *Band) ShareImage(rows int) {
	windows := b.OutH / 2
	b.Rows = 2 * exec.CeilDiv(windows, exec.CeilDiv(windows, max(rows/2, 1)))
}

// ImageBands returns the number of bands of an image.
func (b *Band) ImageBands() int { return exec.CeilDiv(b.OutH/2, b.Rows/2) }

// ImageBand returns the image of a band and its rows, counted over the batch.
func (b *Band) ImageBand(band int) (image, first, last int) {
	image = band / b.ImageBands()
	first = image*b.OutH + band%b.ImageBands()*b.Rows
	return image, first, min(first+b.Rows, image*b.OutH+b.OutH&^1)
}
