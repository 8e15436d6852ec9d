// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// stripArgs are the arguments of a depthwise 3×3 convolution that reads its planes in place, beside its convArgs. An output
// plane is cut into strips of 8 columns; the last one overlaps the one before if the width is not a multiple of 8.
type stripArgs struct {
	kernel   kernels.Depthwise3x3Kernel
	epilogue Epilogue
	zeros    []float32
	masks    []int32 // of each strip
	stripLen int     // elements of the masks of a strip
	planes   int     // of a part
}

// stripLoads are where the loads of a row of a window begin, in elements, by the stride along the row.
var stripLoads = [...][]int{{0, 1, 2}, {0, lanes, 2, 2 + lanes}}

// stripReach is how many elements of a row a strip's loads reach.
const stripReach = 2 + 2*lanes

// partPixels is about how many output pixels one part computes where planes are small.
const partPixels = 4096

// runStrips computes y = epilogue(conv(x, w) + bias) without pooling, where each group has one input channel.
func runStrips(ws *exec.Workspace, s tensor.ConvShape, x, w, bias, y []float32, e Epilogue) {
	st := states.Of(ws)
	c, a := &st.conv, &st.strip
	c.setUp(s)
	c.x, c.w, c.b, c.y = x, w, bias, y
	st.zeros = exec.Grow(st.zeros, stripReach)
	loads := stripLoads[c.s.StrideW-1]
	masks := exec.Grow(a.masks, exec.CeilDiv(c.outW, lanes)*len(loads)*lanes)
	*a = stripArgs{
		kernel: ws.Kernels().Depthwise3x3[c.s.StrideW-1], epilogue: e, zeros: st.zeros, masks: masks, stripLen: len(loads) * lanes,
		planes: max(partPixels/c.plane, 1),
	}
	for strip := range exec.CeilDiv(c.outW, lanes) {
		c.maskStrip(masks[strip*a.stripLen:], loads, c.stripColumn(strip)*c.s.StrideW-c.s.PadLeft)
	}
	ws.Run(exec.CeilDiv(s.Batch*s.OutChannels, a.planes), stripsPart)
}

// stripColumn returns the first output column of a strip.
func (c *convArgs) stripColumn(strip int) int { return min(strip*lanes, max(c.outW-lanes, 0)) }

// maskStrip marks the elements, from column on, that loads find inside a row.
func (c *convArgs) maskStrip(masks []int32, loads []int, column int) {
	for i, load := range loads {
		maskInside(masks[i*lanes:][:lanes], column+load, c.s.InWidth)
	}
}

// maskInside marks, by -1 and not 0, which of the elements from first on lie inside a row of width elements.
func maskInside(masks []int32, first, width int) {
	for i := range masks {
		masks[i] = 0
		if uint(first+i) < uint(width) {
			masks[i] = -1
		}
	}
}

// stripsPart convolves some output planes.
func stripsPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	c, a := &st.conv, &st.strip
	rows := c.plane / c.outW
	last := min((part+1)*a.planes, c.s.Batch*c.s.OutChannels) - 1
	for plane := part * a.planes; plane <= last; plane++ {
		y := c.y[plane*c.plane:][:c.plane]
		if c.outW < lanes && (plane == last || c.plane < lanes) {
			a.runNarrow(c, plane, y, ws.Worker(worker).Scratch(rows*lanes))
			continue
		}
		// A row that is narrower than a vector runs over into what is written after it: the next row or plane.
		for strip := range exec.CeilDiv(c.outW, lanes) {
			a.run(c, plane, strip, &y[c.stripColumn(strip)], c.outW)
		}
	}
}

// runNarrow computes an output plane that is narrower than a vector by way of scratch memory.
func (a *stripArgs) runNarrow(c *convArgs, plane int, y, scratch []float32) {
	a.run(c, plane, 0, &scratch[0], lanes)
	for row := range c.plane / c.outW {
		copy(y[row*c.outW:][:c.outW], scratch[row*lanes:])
	}
}

// run computes a strip of an output plane; the rows of y are yStep elements apart.
func (a *stripArgs) run(c *convArgs, plane, strip int, y *float32, yStep int) {
	s := &c.s
	channel := plane % s.OutChannels
	x := c.inputGroup(c.x, plane/s.OutChannels, channel/c.channelsOut)
	var bias float32
	if c.b != nil {
		bias = c.b[channel]
	}
	rowBytes := s.InWidth * floatSize
	a.kernel(c.plane/c.outW, &x[0], (c.stripColumn(strip)*s.StrideW-s.PadLeft)*floatSize, -s.PadTop*rowBytes, rowBytes,
		c.inPlane*floatSize, &a.zeros[0], &a.masks[strip*a.stripLen], &c.w[channel*c.taps], y, yStep*floatSize,
		bias, a.epilogue.floor(), a.epilogue.ceiling())
}
