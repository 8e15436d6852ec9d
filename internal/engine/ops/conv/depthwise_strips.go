// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// planeStrips are the arguments of a depthwise 3×3 convolution with a padding of 1 by strips of 8 columns of several planes at
// once. The last strip overlaps the one before if the width is not a multiple of 8.
type planeStrips struct {
	kernel   kernels.PlaneStripsKernel
	outW     int
	masks    [2][2 * lanes]int32 // of the taps left and right in the first and in the last strip
	epilogue Epilogue
	zeros    []float32
	bias     []float32
	planes   int // of a part
	parts    int // of an image
}

// stripFloats is about how large the planes are that one call of a kernel takes, so that all strips find them in the
// first-level cache.
const stripFloats = 4096

// setUp plans the strips of a convolution; the neighbors of what a middle tap meets are up to reach elements away.
func (a *planeStrips) setUp(ws *exec.Workspace, s tensor.ConvShape, e Epilogue, reach int) {
	st := states.Of(ws)
	s = s.WithDefaults()
	*a = planeStrips{
		kernel: ws.Kernels().DepthwiseStrips[s.StrideW-1], epilogue: e, outW: s.OutWidth(),
	}
	for i, first := range []int{0, a.outW - lanes} {
		for lane := range lanes {
			a.masks[i][lane], a.masks[i][lanes+lane] = -1, -1
			if (first+lane)*s.StrideW == 0 {
				a.masks[i][lane] = 0
			}
			if (first+lane)*s.StrideW+1 >= s.InWidth {
				a.masks[i][lanes+lane] = 0
			}
		}
	}
	st.zeros = exec.Grow(st.zeros, cacheLine+reach+lanes+1)
	a.zeros = st.zeros
}

// wholeStrips computes y = epilogue(conv(x, w) + bias) without pooling, with a stride of 1, from planes as they are.
func wholeStrips(ws *exec.Workspace, s tensor.ConvShape, x, w, bias, y []float32, e Epilogue) {
	st := states.Of(ws)
	c, a := &st.conv, &st.planes
	c.setUp(s)
	c.x, c.w, c.y = x, w, y
	a.setUp(ws, s, e, 1)
	if a.bias = bias; bias == nil {
		st.zeros = exec.Grow(st.zeros, s.OutChannels)
		a.bias = st.zeros
	}
	a.planes = max(partPixels/c.plane, 1)
	a.parts = exec.CeilDiv(s.OutChannels, a.planes)
	ws.Run(s.Batch*a.parts, wholeStripsPart)
}

// wholeStripsPart convolves some planes of an image.
func wholeStripsPart(ws *exec.Workspace, _, part int) {
	st := states.Of(ws)
	c, a := &st.conv, &st.planes
	channel := part % a.parts * a.planes
	plane := part/a.parts*c.s.OutChannels + channel
	a.run(min(a.planes, c.s.OutChannels-channel), stripRows{
		rows: c.plane / c.outW, x: c.x[plane*c.inPlane:], planeStep: c.inPlane, at: -c.outW, end: c.inPlane, step: c.outW, left: -1, right: 1,
	}, c.w[channel*c.taps:], a.bias[channel:], c.y[plane*c.plane:], c.plane)
}

// stripRows is where the kernels find the input of some rows of outputs, in elements.
type stripRows struct {
	rows        int // of outputs
	x           []float32
	planeStep   int
	at, end     int // where the first output's upper row begins, which may be before the plane, and where the rows end
	step        int // from row to row
	left, right int // of what the middle tap meets
}

// run computes some rows of planes whose weights and bias are w and bias; the rows of y follow one another, planes are yPlane
// apart.
func (a *planeStrips) run(planes int, r stripRows, w, bias, y []float32, yPlane int) {
	together := max(stripFloats/r.planeStep, 1)
	for p := 0; p < planes; p += together {
		count := min(together, planes-p)
		part := func(strips, column int, masks *int32) {
			a.kernel(count, strips, r.rows, &r.x[p*r.planeStep+column], r.planeStep*floatSize, r.at*floatSize, r.step*floatSize,
				r.end*floatSize, &a.zeros[cacheLine], r.left*floatSize, r.right*floatSize, masks, &w[p*9], &bias[p],
				&y[p*yPlane+column], yPlane*floatSize, a.outW*floatSize, a.epilogue.floor(), a.epilogue.ceiling())
		}
		part(1, 0, &a.masks[0][0])
		if inside := (a.outW-1)/lanes - 1; inside > 0 {
			part(inside, lanes, nil)
		}
		if a.outW > lanes {
			part(1, a.outW-lanes, &a.masks[1][0])
		}
	}
}
