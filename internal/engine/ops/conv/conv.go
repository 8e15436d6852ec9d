// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/dense"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// convArgs are the arguments of one convolution or of one of its gradients, with the sizes derived from its shape.
type convArgs struct {
	s           tensor.ConvShape
	x, w, b, y  []float32 // b is the bias or its gradient
	channelsIn  int       // per group
	channelsOut int       // per group
	taps        int       // KernelH·KernelW
	outW        int
	inPlane     int // pixels of an input plane
	plane       int // pixels of an output plane

	group        int // the group that the parts work on
	channelBlock int // input channels that one part of the data gradient computes
	columns      imageMatrix
	columnsT     imageMatrixT
}

// setUp fills the derived sizes.
func (c *convArgs) setUp(s tensor.ConvShape) {
	s = s.WithDefaults()
	*c = convArgs{
		s: s, channelsIn: s.InChannels / s.Groups, channelsOut: s.OutChannels / s.Groups, taps: s.KernelH * s.KernelW,
		outW: s.OutWidth(), inPlane: s.InHeight * s.InWidth, plane: s.OutPlane(),
	}
}

// depthwise reports whether every input channel is convolved by itself.
func (c *convArgs) depthwise() bool { return c.channelsIn == 1 && c.s.Groups > 1 }

// Forward computes y = conv(x, w) + bias. bias has OutChannels elements or is nil. y is overwritten and overlaps no input.
func Forward(ws *exec.Workspace, s tensor.ConvShape, x, w, bias, y []float32) {
	exec.CheckLength("conv2d", "x", x, s.InLen())
	exec.CheckLength("conv2d", "w", w, s.WeightLen())
	exec.CheckLength("conv2d", "y", y, s.OutLen())
	if bias != nil {
		exec.CheckLength("conv2d", "bias", bias, s.OutChannels)
	}
	s = s.WithDefaults()
	once := &states.Of(ws).once
	once.method = choose(ws, s, false)
	once.pack(ws, s, w, bias, false)
	once.run(ws, s, x, y, Epilogue{})
}

// define computes y = conv(x, w) + bias as products of matrices, or plane by plane if every channel is convolved by itself.
func define(ws *exec.Workspace, s tensor.ConvShape, x, w, bias, y []float32) {
	c := &states.Of(ws).conv
	c.setUp(s)
	c.x, c.w, c.b, c.y = x, w, bias, y
	if c.depthwise() {
		ws.Run(s.Batch*s.OutChannels, depthwisePart)
		return
	}
	k := c.channelsIn * c.taps
	for image := range s.Batch {
		for group := range c.s.Groups {
			c.columns = imageMatrix{c: c, x: c.inputGroup(x, image, group)}
			dense.Multiply(ws, dense.Product{
				M: c.channelsOut, N: c.plane, K: k,
				A: dense.RowMajor(w[group*c.channelsOut*k:], k), B: &c.columns, C: c.outputGroup(y, image, group), LDC: c.plane,
			})
		}
	}
	if bias != nil {
		ws.Run(s.Batch*s.OutChannels, convBiasPart)
	}
}

// inputGroup returns the planes of x that belong to one image and group.
func (c *convArgs) inputGroup(x []float32, image, group int) []float32 {
	n := c.channelsIn * c.inPlane
	return x[(image*c.s.Groups+group)*n:][:n]
}

// outputGroup returns the planes of y that belong to one image and group.
func (c *convArgs) outputGroup(y []float32, image, group int) []float32 {
	n := c.channelsOut * c.plane
	return y[(image*c.s.Groups+group)*n:][:n]
}

func convBiasPart(ws *exec.Workspace, _, part int) {
	c := &states.Of(ws).conv
	bias := c.b[part%c.s.OutChannels]
	y := c.y[part*c.plane:][:c.plane]
	for i := range y {
		y[i] += bias
	}
}

// BackwardData computes dx, the gradient of the input, from dy, the gradient of the output. dx is overwritten.
func BackwardData(ws *exec.Workspace, s tensor.ConvShape, dy, w, dx []float32) {
	exec.CheckLength("conv2d backward data", "dy", dy, s.OutLen())
	exec.CheckLength("conv2d backward data", "w", w, s.WeightLen())
	exec.CheckLength("conv2d backward data", "dx", dx, s.InLen())
	if m := chooseData(ws, s); m != byDefinition {
		once, mirror := &states.Of(ws).once, mirrored(s).WithDefaults()
		once.method = m
		once.pack(ws, mirror, w, nil, true)
		once.run(ws, mirror, dy, dx, Epilogue{})
		return
	}
	c := &states.Of(ws).conv
	c.setUp(s)
	c.x, c.y = dx, dy
	// A block of input channels at a time, so that the columns stay small; whole panels of A, so that blocks of
	// channels are blocks of panels.
	c.channelBlock = ws.Kernels().TileRows
	k := c.channelsIn * c.taps
	for group := range c.s.Groups {
		c.group = group
		weights := dense.RowMajor(w[group*c.channelsOut*k:], k)
		dense.PackLeft(ws, dense.Product{M: k, N: c.plane, K: c.channelsOut, A: weights.T(), LDC: dense.BlockColumns})
		ws.Run(s.Batch*exec.CeilDiv(c.channelsIn, c.channelBlock), convBackwardDataPart)
	}
}

// convBackwardDataPart computes dx for one image and block of input channels: the columns' gradients Wᵀ·dy, a slab of
// pixels at a time, each added to the pixels of dx it was read from.
func convBackwardDataPart(ws *exec.Workspace, worker, part int) {
	c := &states.Of(ws).conv
	blocks := exec.CeilDiv(c.channelsIn, c.channelBlock)
	image, c0 := part/blocks, part%blocks*c.channelBlock
	c1 := min(c.channelsIn, c0+c.channelBlock)
	dx := c.inputGroup(c.x, image, c.group)[c0*c.inPlane : c1*c.inPlane]
	clear(dx)
	rows := (c1 - c0) * c.taps
	gradient := dense.RowMajor(c.outputGroup(c.y, image, c.group), c.plane)
	columns := ws.Worker(worker).Scratch(rows * dense.BlockColumns)
	m0 := c0 * c.taps
	for n0 := 0; n0 < c.plane; n0 += dense.BlockColumns {
		n1 := min(c.plane, n0+dense.BlockColumns)
		dense.Block(ws, gradient, worker, m0, m0+rows, n0, n1, columns)
		for r := range rows {
			c.addColumns(dx[r/c.taps*c.inPlane:][:c.inPlane], columns[r*dense.BlockColumns:][:n1-n0], r%c.taps, n0)
		}
	}
}

// addColumns adds values, the gradients of tap's column entries from pixel n0 on, to the input plane.
func (c *convArgs) addColumns(plane, values []float32, tap, n0 int) {
	s := &c.s
	dy, dx := tap/s.KernelW*s.DilationH-s.PadTop, tap%s.KernelW*s.DilationW-s.PadLeft
	oy, ox := n0/c.outW, n0%c.outW
	for len(values) > 0 {
		run := min(c.outW-ox, len(values))
		iy := oy*s.StrideH + dy
		if uint(iy) < uint(s.InHeight) {
			row := plane[iy*s.InWidth:][:s.InWidth]
			ix := ox*s.StrideW + dx
			for _, v := range values[:run] {
				if uint(ix) < uint(len(row)) {
					row[ix] += v
				}
				ix += s.StrideW
			}
		}
		values = values[run:]
		oy, ox = oy+1, 0
	}
}

// BackwardWeights computes dw, the gradient of the weights, and, unless dbias is nil, dbias, the gradient of the
// bias, summed over the batch. Both are overwritten.
func BackwardWeights(ws *exec.Workspace, s tensor.ConvShape, x, dy, dw, dbias []float32) {
	exec.CheckLength("conv2d backward weights", "x", x, s.InLen())
	exec.CheckLength("conv2d backward weights", "dy", dy, s.OutLen())
	exec.CheckLength("conv2d backward weights", "dw", dw, s.WeightLen())
	c := &states.Of(ws).conv
	c.setUp(s)
	c.x, c.y = x, dy
	if dbias != nil {
		exec.CheckLength("conv2d backward weights", "dbias", dbias, s.OutChannels)
		c.b = dbias
		ws.Run(s.OutChannels, convBiasGradientPart)
	}
	switch chooseWeights(ws, s) {
	case byWinograd:
		winogradWeights3x3(ws, s, x, dy, dw)
		return
	case directly:
		directWeights(ws, s, x, dy, dw)
		return
	}
	k := c.channelsIn * c.taps
	for image := range s.Batch {
		for group := range c.s.Groups {
			c.columnsT = imageMatrixT{c: c, x: c.inputGroup(x, image, group)}
			dense.Multiply(ws, dense.Product{
				M: c.channelsOut, N: k, K: c.plane,
				A: dense.RowMajor(c.outputGroup(dy, image, group), c.plane), B: &c.columnsT,
				C: dw[group*c.channelsOut*k:], LDC: k, Accumulate: image > 0,
			})
		}
	}
}

func convBiasGradientPart(ws *exec.Workspace, _, part int) {
	c := &states.Of(ws).conv
	var sum float64
	for image := range c.s.Batch {
		sum += ws.Kernels().Sum(c.y[(image*c.s.OutChannels+part)*c.plane:][:c.plane])
	}
	c.b[part] = float32(sum)
}
