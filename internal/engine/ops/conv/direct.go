// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// The 3×3 convolution with stride 1 is computed directly on NCHW images: rows of a band of the image, padded, are copied
// to scratch memory, where the window of 8 neighboring pixels is a plain load at each tap. A tile, 4 output channels of 3
// such vectors, stays in registers over all input channels and taps. The gradient of the input is the same convolution of
// the output's gradient with mirrored weights.

const (
	// BandFloats is about how many floats the scratch memory of a band has: most of the second-level cache's half.
	BandFloats = 48 << 10
	// WeightFloats is how many weights 4 output channels have for an input channel.
	WeightFloats = 3 * 3 * quad
	// UnpooledFloats is how many floats of unpooled output rows of 4 channels stay in the cache.
	UnpooledFloats = 16 << 10
)

// directArgs are the arguments of one direct convolution or of its weights' gradient.
type directArgs struct {
	Band
	y, bias  []float32
	w        []float32
	u        []float32 // the packed weights
	mirrored bool
	epilogue Epilogue
	chunks   int // of the rows, in the weights' gradient
}

// mirrored returns the convolution that computes the gradient of s's input from that of its output.
func mirrored(s tensor.ConvShape) tensor.ConvShape {
	m := s
	m.InChannels, m.OutChannels = s.OutChannels, s.InChannels
	m.InHeight, m.InWidth = s.OutHeight(), s.OutWidth()
	m.PadTop, m.PadLeft, m.PadBottom, m.PadRight = 2-s.PadTop, 2-s.PadLeft, 2-s.PadBottom, 2-s.PadRight
	return m
}

// PackDirect fills u, [OutChannels/4][InChannels][3][3][4], with the weights.
func PackDirect(ws *exec.Workspace, s tensor.ConvShape, w, u []float32, mirrored bool) {
	states.Of(ws).direct = directArgs{Band: Band{Shape: s}, w: w, u: u, mirrored: mirrored}
	ws.Run(s.OutChannels/quad, packDirectPart)
}

// runDirect computes y = epilogue(conv(x, w) + bias), u being the packed w. Pooling needs an even height.
func runDirect(ws *exec.Workspace, s tensor.ConvShape, x, u, bias, y []float32, e Epilogue) {
	st := states.Of(ws)
	b := &st.direct
	*b = directArgs{
		Band: NewBand(s.WithDefaults(), ws.Kernels().ConvPixels, s.InChannels, BandFloats), u: u, bias: bias, y: y, epilogue: e,
	}
	b.Input = x
	if bias == nil {
		st.zeros = exec.Grow(st.zeros, s.OutChannels)
		b.bias = st.zeros
	}
	b.share(ws.Threads())
	ws.Run(b.bands(), directPart)
}

// share makes bands small enough for threads to share them evenly, and for the unpooled rows of 4 channels to stay in the
// cache; with pooling, bands have an even number of rows.
func (b *directArgs) share(threads int) {
	total := b.Shape.Batch * b.OutH
	if b.epilogue.MaxPool {
		b.Rows = min(b.Rows, max(UnpooledFloats/(quad*b.OutW), 2))
	}
	bands := exec.CeilDiv(b.bands(), threads) * threads
	b.Rows = exec.CeilDiv(total, bands)
	if b.epilogue.MaxPool {
		b.Rows += b.Rows % 2
	}
}

// packDirectPart packs the weights of 4 output channels as [channel][tap][4].
func packDirectPart(ws *exec.Workspace, _, part int) {
	b := &states.Of(ws).direct
	in, out := b.Shape.InChannels, b.Shape.OutChannels
	dst := b.u[part*in*WeightFloats:][:in*WeightFloats]
	for c := range in {
		for tap := range 9 {
			for j := range quad {
				k := part*quad + j
				if b.mirrored {
					dst[(c*9+tap)*quad+j] = b.w[(c*out+k)*9+8-tap]
				} else {
					dst[(c*9+tap)*quad+j] = b.w[(k*in+c)*9+tap]
				}
			}
		}
	}
}

// directPart computes one band.
func directPart(ws *exec.Workspace, worker, part int) {
	b := &states.Of(ws).direct
	state := ws.Worker(worker)
	channels, plane := b.Shape.InChannels, b.OutH*b.OutW
	first := part * b.Rows
	last := min(first+b.Rows, b.Shape.Batch*b.OutH)
	if first >= last {
		return
	}
	input := channels * b.ChannelStride()
	scratch := state.Scratch(input + quad*b.Rows*b.OutW)
	unpooled := scratch[input:]
	b.Load(scratch, 0, channels, first, last)
	tiles := b.Tiles(state, first, last, b.epilogue.MaxPool)
	for k := 0; k < b.Shape.OutChannels; k += quad {
		y, stride := unpooled, b.Rows*b.OutW
		if !b.epilogue.MaxPool {
			y, stride = b.y[k*plane:], plane
		}
		ws.Kernels().ConvTiles(tiles, &state.Offsets[0], &scratch[0], channels, b.ChannelStride()*floatSize, b.Stride*floatSize,
			&b.u[k*channels*9], &b.bias[k], &y[0], stride*floatSize)
		for channel := k; channel < k+quad; channel++ {
			switch {
			case b.epilogue.MaxPool:
				b.pool(ws.Kernels(), unpooled[(channel-k)*stride:], channel, first, last)
			case b.epilogue.ReLU:
				b.relu(ws.Kernels(), channel, first, last)
			}
		}
	}
}

// pool stores 2×2 max pooling of output rows [first, last), an even number, of one channel.
func (b *directArgs) pool(loops *kernels.Set, unpooled []float32, channel, first, last int) {
	width, height := b.OutW/2, b.OutH/2
	even := b.OutW &^ 1
	for row := first; row < last; row += 2 {
		image, oy := row/b.OutH, row%b.OutH
		top, bottom := unpooled[(row-first)*b.OutW:][:even], unpooled[(row-first+1)*b.OutW:][:even]
		y := b.y[((image*b.Shape.OutChannels+channel)*height+oy/2)*width:][:width]
		loops.Halve(y, top, bottom, b.epilogue.floor())
	}
}

// relu applies ReLU to output rows [first, last) of one channel.
func (b *directArgs) relu(loops *kernels.Set, channel, first, last int) {
	for row := first; row < last; {
		image, oy := row/b.OutH, row%b.OutH
		n := min(last-row, b.OutH-oy)
		y := b.y[((image*b.Shape.OutChannels+channel)*b.OutH+oy)*b.OutW:][:n*b.OutW]
		loops.ReLU(y, y)
		row += n
	}
}
