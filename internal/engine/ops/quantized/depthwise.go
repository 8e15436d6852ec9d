// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// A depthwise 3×3 convolution of 8 bits is computed for 32 channels of a pixel at a time, in a copy of a band's rows with
// their padding or, without padding, where the input lies.

const (
	// depthLanes are the channels of a block. The last block ends at the last channel, where it may overlap the one before.
	depthLanes = 32
	// depthPass are the bytes of a block's weights.
	depthPass = depthLanes * 12
	// depthBandBytes is about how large a band's copy is, so that it stays in the second-level cache.
	depthBandBytes = 96 << 10
)

// isDepthwise reports whether each channel is a group of its own.
func isDepthwise(s tensor.ConvShape) bool {
	return s.InChannels == s.OutChannels && s.Groups == s.InChannels
}

// depthBlocks returns the number of blocks of a pixel's channels.
func (a *convArgs) depthBlocks() int { return exec.CeilDiv(a.inPixel, depthLanes) }

// depthBlock returns the first channel of a block of pixels of so many bytes.
func depthBlock(block, pixel int) int { return min(block*depthLanes, max(pixel-depthLanes, 0)) }

// depthChannel returns the channel of a block that lane i has, as transposing orders them.
func depthChannel(i int) int { return i/8*4 + i%4 + i%8/4*16 }

// packDepthwise packs the weights of blocks as [passes][384]: for each lane 4 taps, then 4 more, then the ninth in 16 bits and as many of
// zeros. Bias and scale get the order of lanes. Weights with which VPMADDUBSW would saturate are halved and take two passes.
func (p *Prepared) packDepthwise(limit int) {
	p.units = 1
	if p.exceeds(limit) {
		p.units = 2
	}
	pixel := PixelStride(p.Shape.InChannels)
	blocks := exec.CeilDiv(pixel, depthLanes)
	bias, scale := make([]int32, blocks*depthLanes), make([]float32, blocks*depthLanes)
	p.wBytes = make([]int8, blocks*p.units*depthPass)
	for i := range bias {
		k := depthBlock(i/depthLanes, pixel) + depthChannel(i%depthLanes)
		if k >= p.Shape.OutChannels {
			continue
		}
		bias[i], scale[i] = p.bias[k], p.scale[k]
		for tap, w := range p.Weights[k*9:][:9] {
			for pass := range p.units {
				half := w
				if p.units == 2 {
					half = w >> 1
				}
				if pass == 1 {
					half = w - half
				}
				block := p.wBytes[(i/depthLanes*p.units+pass)*depthPass:]
				at := (tap/4*depthLanes+i%depthLanes)*4 + tap%4
				block[at] = half
				if tap == 8 {
					block[at+1] = half >> 7 // its sign
				}
			}
		}
	}
	p.bias, p.scale = bias, scale
}

// runDepthwise runs a depthwise convolution.
func runDepthwise(ws *exec.Workspace, a *convArgs) {
	rows := min(max(depthBandBytes/(a.p.rowStride()*a.s.StrideH), 1), a.outH)
	a.bands = exec.CeilDiv(a.outH, rows)
	a.rows = exec.CeilDiv(a.outH, a.bands)
	a.bands = exec.CeilDiv(a.outH, a.rows)
	a.splits = 1
	if ws.Threads() > 1 {
		a.splits = min(exec.CeilDiv(2*ws.Threads(), a.s.Batch*a.bands), a.depthBlocks())
	}
	ws.Run(a.s.Batch*a.bands*a.splits, depthwisePart)
}

// depthwisePart computes a share of the channels of one band.
func depthwisePart(ws *exec.Workspace, worker, part int) {
	a, loops := &states.Of(ws).conv, ws.Kernels().Quantized
	p, s := a.p, &a.s
	split, part := part%a.splits, part/a.splits
	image, first := part/a.bands, part%a.bands*a.rows
	last := min(first+a.rows, a.outH)
	stride := p.rowStride()
	inputRows := (last-first-1)*s.StrideH + 2*s.DilationH + 1
	y := a.y[(image*a.outH+first)*a.outW*a.outPixel:][:(last-first)*a.outW*a.outPixel]

	inputLen, resultLen := inputRows*stride+depthLanes, len(y)+depthLanes
	scratch := ws.Worker(worker).Scratch(viewFloats[uint8](inputLen) + viewFloats[uint8](resultLen))
	input, scratch := viewAs[uint8](scratch, inputLen)
	result := y
	narrow := a.inPixel < depthLanes
	if narrow {
		// Kernels read and write beyond a pixel: what they write there, the next pixel overwrites.
		a.copyRows(input, stride, image, first*s.StrideH-s.PadTop, inputRows)
		result, _ = viewAs[uint8](scratch, resultLen)
	} else {
		input = a.padRows(input, stride, image, first*s.StrideH-s.PadTop, inputRows)
	}
	blocks := a.depthBlocks()
	for block := split * blocks / a.splits; block < (split+1)*blocks/a.splits; block++ {
		channel, w, bias := depthBlock(block, a.inPixel), &p.wBytes[block*p.units*depthPass], block*depthLanes
		for row := range last - first {
			loops.Depthwise(a.outW, &input[row*s.StrideH*stride+channel], s.StrideW*a.inPixel, s.DilationH*stride, s.DilationW*a.inPixel,
				p.units, w, &p.bias[bias], &p.scale[bias], &p.to.High[0], &result[row*a.outW*a.outPixel+channel], a.outPixel)
		}
	}
	if narrow {
		copy(y, result)
	}
}
