// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Blocking of the weights' gradient: a part computes blockChannels×blockChannels of the weights from a chunk of the
// batch's rows.
const (
	blockChannels = 32
	// BandPixels is how many pixels of a plane are summed between two visits of the same weights.
	BandPixels = 1024
	// weightParts is the number of parts wanted; the rows are cut into chunks, with their own sums, to reach it.
	weightParts = 8
)

// directWeights computes dw, the gradient of the weights.
func directWeights(ws *exec.Workspace, s tensor.ConvShape, x, dy, dw []float32) {
	st := states.Of(ws)
	b := &st.direct
	s = s.WithDefaults()
	*b = directArgs{Band: NewBand(s, lanes, 1, BandPixels)}
	b.Rows = min(max(BandPixels/(b.Vectors*lanes), 1), s.Batch*b.OutH)
	b.Input, b.y, b.w = x, dy, dw
	blocks := exec.CeilDiv(s.InChannels, blockChannels) * exec.CeilDiv(s.OutChannels, blockChannels)
	b.chunks = min(exec.CeilDiv(weightParts, blocks), b.bands())
	st.partial = exec.Grow(st.partial, b.chunks*s.WeightLen())
	ws.Run(blocks*b.chunks, directWeightsPart)
	ws.Run(s.OutChannels/quad, sumWeightsPart)
}

// directWeightsPart computes one block of the weights' gradient over one chunk of the rows, band by band.
func directWeightsPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	b := &st.direct
	state := ws.Worker(worker)
	in, out := b.Shape.InChannels, b.Shape.OutChannels
	chunk, block := part%b.chunks, part/b.chunks
	blocksIn := exec.CeilDiv(in, blockChannels)
	c0, k0 := block%blocksIn*blockChannels, block/blocksIn*blockChannels
	c1, k1 := min(c0+blockChannels, in), min(k0+blockChannels, out)
	sums := st.partial[chunk*out*in*9:][:out*in*9]
	for k := k0; k < k1; k += quad {
		clear(sums[(k*in+c0*quad)*9 : (k*in+c1*quad)*9])
	}
	pixels := b.Rows * b.Vectors * lanes
	xFloats := (c1 - c0) * b.ChannelStride()
	scratch := state.Scratch(xFloats + (k1-k0)*pixels)
	gradients := scratch[xFloats:]
	bands := b.bands()
	for band := chunk * bands / b.chunks; band < (chunk+1)*bands/b.chunks; band++ {
		first := band * b.Rows
		last := min(first+b.Rows, b.Shape.Batch*b.OutH)
		b.Load(scratch, c0, c1, first, last)
		b.loadGradients(gradients, pixels, k0, k1, first, last)
		b.RowOffsets(state, first, last)
		for k := k0; k < k1; k += quad {
			ws.Kernels().ConvWeights(last-first, &state.Offsets[0], b.Vectors, &scratch[0], c1-c0, b.ChannelStride()*floatSize,
				b.Stride*floatSize, &gradients[(k-k0)*pixels], pixels*floatSize, &sums[(k*in+c0*quad)*9])
		}
	}
}

// loadGradients copies rows [first, last) of dy's planes [k0, k1) to dst, pixels floats a plane, each row padded with
// zeros to whole vectors.
func (b *directArgs) loadGradients(dst []float32, pixels, k0, k1, first, last int) {
	width := b.Vectors * lanes
	for k := k0; k < k1; k++ {
		plane := dst[(k-k0)*pixels:][:pixels]
		for row := first; row < last; row++ {
			image, oy := row/b.OutH, row%b.OutH
			out := plane[(row-first)*width:][:width]
			copy(out, b.y[((image*b.Shape.OutChannels+k)*b.OutH+oy)*b.OutW:][:b.OutW])
			clear(out[b.OutW:])
		}
	}
}

// sumWeightsPart adds up the chunks' sums for 4 output channels and brings them from [channel][row][4][column] to the
// order of the weights.
func sumWeightsPart(ws *exec.Workspace, _, part int) {
	st := states.Of(ws)
	b := &st.direct
	in, length := b.Shape.InChannels, b.Shape.WeightLen()
	for c := range in {
		for i := range WeightFloats {
			at := (part*in+c)*WeightFloats + i
			var sum float32
			for chunk := range b.chunks {
				sum += st.partial[chunk*length+at]
			}
			ky, j, kx := i/(3*quad), i/3%quad, i%3
			b.w[((part*quad+j)*in+c)*9+ky*3+kx] = sum
		}
	}
}
