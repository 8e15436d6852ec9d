// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Convolutions for which there is no better way go by columns: for a panel of neighboring output pixels, the pixels that
// each tap meets are copied side by side, and the packed weights are multiplied with them, 4 output channels and up to 3
// vectors of pixels at a time. The input channels are cut into blocks, so that the columns of such a tile stay in the
// first-level cache while all the weights of a block stream past it.

const (
	// blockFloats is about how large the columns of a tile and block may be, to stay in the first-level cache.
	blockFloats = 4608
	// panelFloats is about how large the columns of a panel and block may be, to stay in the second-level cache.
	panelFloats = 40 << 10
	// leastPanel is the number of pixels below which a panel is not made smaller to have a share for each thread.
	leastPanel = 120
	// copyQuads is the number of quads of output channels up to which copying columns takes longer than it saves.
	copyQuads = 8
	// cacheLine is the number of floats of a line of the cache.
	cacheLine = 16
)

// columnArgs are the arguments of one such convolution, beside its convArgs.
type columnArgs struct {
	u, bias   []float32
	bounds    bounds
	add       bool // y holds what the convolution is added to
	pointwise bool
	inPlace   bool // the columns are the input itself
	unit      int  // pixels that panels consist of multiples of
	units     int  // of an image
	panels    int  // of an image
	splits    int  // splits of the output channels, for want of panels
	quads     int  // of output channels per group, the last padded
	block     int  // input channels of a block
	stride    int  // floats of a row of columns
	tile      int  // pixels of a tile
	gather    kernels.GatherKernel
	zeros     []float32
	masks     []int32 // of the vectors of a row, for each column of the kernel
	maskLen   int     // elements of the masks for a column of the kernel
}

// bounds are the least and the largest value of an output.
type bounds struct{ floor, ceiling float32 }

// unbounded is what applies to sums that are not complete.
var unbounded = bounds{floor: float32(math.Inf(-1)), ceiling: float32(math.Inf(1))}

// columnWeights returns the length of the packed weights.
func columnWeights(s tensor.ConvShape) int {
	s = s.WithDefaults()
	outGroup := s.OutChannels / s.Groups
	return s.Groups * exec.CeilDiv(outGroup, quad) * quad * (s.WeightLen() / s.OutChannels)
}

// columnBlock returns the number of input channels of a block: all if sums have no place in the output to wait for the next.
func columnBlock(ws *exec.Workspace, c *convArgs) int {
	if ws.Kernels().RowsAccumulations == nil || c.channelsOut%quad != 0 {
		return c.channelsIn
	}
	blocks := exec.CeilDiv(c.channelsIn*c.taps*len(ws.Kernels().RowsConvolutions)*lanes, blockFloats)
	return exec.CeilDiv(c.channelsIn, blocks)
}

// packColumnWeights fills u, [Groups][block][⌈outputs/4⌉][channel of the block][tap][4], with the weights; missing outputs
// are zero.
func packColumnWeights(ws *exec.Workspace, s tensor.ConvShape, w, u []float32) {
	st := states.Of(ws)
	c := &st.conv
	c.setUp(s)
	c.w = w
	st.column.u, st.column.block, st.column.quads = u, columnBlock(ws, c), exec.CeilDiv(c.channelsOut, quad)
	ws.Run(c.s.Groups*st.column.quads, packColumnWeightsPart)
}

func packColumnWeightsPart(ws *exec.Workspace, _, part int) {
	st := states.Of(ws)
	c, a := &st.conv, &st.column
	depth := c.channelsIn * c.taps
	group, q := part/a.quads, part%a.quads
	for c0 := 0; c0 < c.channelsIn; c0 += a.block {
		from, to := c0*c.taps, min(c0+a.block, c.channelsIn)*c.taps
		dst := a.weights(c, group, q, c0, to-from)
		clear(dst)
		for j := range min(quad, c.channelsOut-q*quad) {
			for i, v := range c.w[(group*c.channelsOut+q*quad+j)*depth:][from:to] {
				dst[i*quad+j] = v
			}
		}
	}
}

// weights returns the packed weights of a quad of output channels for a block, of the given depth, that begins with input
// channel c0.
func (a *columnArgs) weights(c *convArgs, group, q, c0, depth int) []float32 {
	return a.u[(group*a.quads*c.channelsIn+a.quads*c0)*c.taps*quad+q*depth*quad:][:depth*quad]
}

// padBias copies the bias, which may be nil, leaving room for each group's missing outputs.
func padBias(s tensor.ConvShape, bias, padded []float32) {
	clear(padded)
	if bias == nil {
		return
	}
	outGroup := s.OutChannels / s.Groups
	for group := range s.Groups {
		copy(padded[group*exec.CeilDiv(outGroup, quad)*quad:], bias[group*outGroup:][:outGroup])
	}
}

// runColumns computes y = epilogue(conv(x, w) + bias) without pooling, u and bias being packed and padded.
func runColumns(ws *exec.Workspace, s tensor.ConvShape, x, u, bias, y []float32, e Epilogue) {
	st := states.Of(ws)
	c, a := &st.conv, &st.column
	setUpColumns(ws, s, x, u, bias, y, e)
	a.inPlace = a.pointwise && c.plane%lanes == 0 && a.quads <= copyQuads
	a.cut(c, ws.Threads())
	ws.Run(s.Batch*c.s.Groups*a.panels*a.splits, columnsPart)
}

// setUpColumns sets the arguments of a convolution by columns, except how it is cut.
func setUpColumns(ws *exec.Workspace, s tensor.ConvShape, x, u, bias, y []float32, e Epilogue) {
	st := states.Of(ws)
	c, a := &st.conv, &st.column
	c.setUp(s)
	c.x, c.y = x, y
	*a = columnArgs{
		u: u, bias: bias, bounds: bounds{floor: e.floor(), ceiling: e.ceiling()}, add: e.Add, masks: a.masks,
		quads: exec.CeilDiv(c.channelsOut, quad), block: columnBlock(ws, c), tile: len(ws.Kernels().RowsConvolutions) * lanes,
		pointwise: c.pointwise(),
	}
	st.zeros = exec.Grow(st.zeros, a.quads*quad)
	if w := c.s.StrideW; !a.pointwise && w <= len(ws.Kernels().Gather) && ws.Kernels().Gather[w-1] != nil {
		a.gather = ws.Kernels().Gather[w-1]
		a.maskRows(c)
		st.zeros = exec.Grow(st.zeros, a.maskLen)
	}
	a.zeros = st.zeros
}

// pointwise reports whether the output pixels meet the input's pixels one to one.
func (c *convArgs) pointwise() bool {
	return c.taps == 1 && c.plane == c.inPlane && c.s.PadTop == 0 && c.s.PadLeft == 0
}

// cut plans the panels and how they are shared over threads. Panels are whole vectors or rows; rows are taken together so
// that they fill vectors, if there need not be many.
func (a *columnArgs) cut(c *convArgs, threads int) {
	a.unit = c.outW
	if a.pointwise {
		a.unit = lanes
	}
	for rows := 2; a.unit%lanes != 0 && rows*c.outW <= leastPanel; rows++ {
		if rows*c.outW%lanes == 0 {
			a.unit = rows * c.outW
		}
	}
	a.units = exec.CeilDiv(c.plane, a.unit)
	images, wanted := c.s.Batch*c.s.Groups, 1
	if threads > 1 {
		wanted = exec.CeilDiv(4*threads, images) // parts of an image
	}
	a.panels = exec.CeilDiv(a.units, max(panelFloats/(a.block*c.taps*a.unit), 1))
	a.panels = max(a.panels, min(wanted, c.plane/leastPanel, a.units))
	if images%threads != 0 {
		a.panels = min(exec.CeilDiv(a.panels, threads)*threads, a.units)
	}
	a.splits = min(exec.CeilDiv(wanted, a.panels), exec.CeilDiv(a.quads, 8))
	// The last vector of a row of pixels may run over.
	a.stride = oddLines(exec.CeilDiv(a.units, a.panels)*a.unit + lanes)
}

// maskRows marks, for each column of the kernel, the elements that the vectors of a row of outputs meet inside the input.
func (a *columnArgs) maskRows(c *convArgs) {
	s := &c.s
	a.maskLen = exec.CeilDiv(c.outW, lanes) * lanes * s.StrideW
	a.masks = exec.Grow(a.masks, s.KernelW*a.maskLen)
	for kx := range s.KernelW {
		maskInside(a.masks[kx*a.maskLen:][:a.maskLen], kx*s.DilationW-s.PadLeft, s.InWidth)
	}
}

// columnTask is a share of the output channels of one group for one panel of an image.
type columnTask struct {
	group, q0, q1            int
	first, pixels, vectors   int
	columns, result, x, y    []float32
	odd, oddSums             []float32 // a last pixel on its own: its column, 4 times over, and its outputs
	channel, channels, depth int       // the block of input channels
}

// columnsPart computes one task.
func columnsPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	a, c := &st.column, &st.conv
	split, part := part%a.splits, part/a.splits
	panel, part := part%a.panels, part/a.panels
	group, image := part%c.s.Groups, part/c.s.Groups
	// Panels have as many units as the others, or one less.
	first := panel * a.units / a.panels * a.unit
	t := columnTask{
		group: group, q0: split * a.quads / a.splits, q1: (split + 1) * a.quads / a.splits,
		first: first, pixels: min((panel+1)*a.units/a.panels*a.unit, c.plane) - first,
		x: c.inputGroup(c.x, image, group), y: c.outputGroup(c.y, image, group),
	}
	t.vectors = exec.CeilDiv(t.pixels, lanes)
	columns, column, outputs := a.block*c.taps*a.stride, a.block*c.taps*quad, (t.q1-t.q0)*quad
	scratch := ws.Worker(worker).Scratch(columns + column + outputs*(1+a.tile))
	t.columns, scratch = scratch[:columns], scratch[columns:]
	if t.pixels%lanes == 1 && t.vectors > 1 && ws.Kernels().ColumnProduct != nil {
		t.vectors--
		t.odd, t.oddSums = scratch[:column], scratch[column:][:outputs]
	}
	t.result = scratch[column+outputs:]
	for t.channel = 0; t.channel < c.channelsIn; t.channel += a.block {
		t.channels = min(a.block, c.channelsIn-t.channel)
		t.depth = t.channels * c.taps
		if !a.inPlace {
			a.pack(c, &t)
		}
		a.multiply(ws.Kernels(), c, &t)
		if t.odd != nil {
			a.multiplyOdd(ws.Kernels(), c, &t)
		}
	}
}

// pack copies what the taps of a block of input channels meet at the panel's pixels to rows of columns.
func (a *columnArgs) pack(c *convArgs, t *columnTask) {
	s := &c.s
	switch {
	case a.pointwise:
		for i := range t.depth {
			copy(t.columns[i*a.stride:][:t.pixels], t.x[(t.channel+i)*c.inPlane+t.first:])
		}
	case a.gather != nil:
		for tap := range c.taps {
			ky, kx := tap/s.KernelW, tap%s.KernelW
			at := (t.first/c.outW*s.StrideH + ky*s.DilationH - s.PadTop) * s.InWidth
			a.gather(t.channels, t.pixels/c.outW, exec.CeilDiv(c.outW, lanes), &t.x[t.channel*c.inPlane], c.inPlane*floatSize,
				(kx*s.DilationW-s.PadLeft)*floatSize, at*floatSize, s.StrideH*s.InWidth*floatSize, c.inPlane*floatSize,
				&a.zeros[0], &a.masks[kx*a.maskLen], &t.columns[tap*a.stride], c.outW*floatSize, c.taps*a.stride*floatSize)
		}
	default:
		for i := range t.depth {
			c.gather(t.columns[i*a.stride:][:t.pixels], t.x, t.channel*c.taps+i, t.first)
		}
	}
	if t.pixels < t.vectors*lanes {
		for i := range t.depth {
			clear(t.columns[i*a.stride+t.pixels:][:t.vectors*lanes-t.pixels])
		}
	}
}

// multiply adds the products of a block of input channels, tile by tile.
func (a *columnArgs) multiply(loops *kernels.Set, c *convArgs, t *columnTask) {
	products, bias, limits := loops.RowsConvolutions, &a.bias[(t.group*a.quads+t.q0)*quad], unbounded
	if a.add || t.channel > 0 {
		products = loops.RowsAccumulations
	}
	if t.channel > 0 {
		bias = &a.zeros[0]
	}
	last := t.channel+t.channels == c.channelsIn
	if last {
		limits = a.bounds
	}
	u := &a.weights(c, t.group, t.q0, t.channel, t.depth)[0]
	columns, stride := t.columns, a.stride
	if a.inPlace {
		columns, stride = t.x[t.channel*c.plane+t.first:], c.plane
	}
	for at := 0; at < t.vectors; {
		n := nextVectors(len(products), t.vectors-at)
		// Whole tiles go straight to y, others by way of scratch memory; unless there is one block only, there is no more
		// than one of them in a panel, the last.
		m, mStride := t.result, a.tile
		valid := min(n*lanes, t.pixels-at*lanes)
		direct := c.channelsOut%quad == 0 && valid == n*lanes
		if direct {
			m, mStride = t.y[t.q0*quad*c.plane+t.first+at*lanes:], c.plane
		} else if a.add && t.channel == 0 {
			for k := t.q0 * quad; k < min(t.q1*quad, c.channelsOut); k++ {
				copy(t.result[(k-t.q0*quad)*a.tile:], t.y[k*c.plane+t.first+at*lanes:][:valid])
			}
		}
		products[n-1](t.q1-t.q0, u, t.depth, &columns[at*lanes], stride*floatSize, &m[0], mStride*floatSize, bias,
			limits.floor, limits.ceiling)
		if !direct && last {
			for k := t.q0 * quad; k < min(t.q1*quad, c.channelsOut); k++ {
				copy(t.y[k*c.plane+t.first+at*lanes:][:valid], t.result[(k-t.q0*quad)*a.tile:])
			}
		}
		at += n
	}
}

// multiplyOdd adds the products of a block of input channels for a panel's last pixel.
func (a *columnArgs) multiplyOdd(loops *kernels.Set, c *convArgs, t *columnTask) {
	first := t.q0 * quad
	count := min(t.q1*quad, c.channelsOut) - first
	y := t.y[first*c.plane+t.first+t.pixels-1:]
	if t.channel == 0 {
		copy(t.oddSums, a.bias[t.group*a.quads*quad+first:])
		for k := 0; a.add && k < count; k++ {
			t.oddSums[k] += y[k*c.plane]
		}
	}
	for i := range t.depth {
		v := t.columns[i*a.stride+t.pixels-1]
		odd := t.odd[i*quad:][:quad]
		odd[0], odd[1], odd[2], odd[3] = v, v, v, v
	}
	loops.ColumnProduct(t.q1-t.q0, &a.weights(c, t.group, t.q0, t.channel, t.depth)[0], t.depth, &t.odd[0], &t.oddSums[0])
	if t.channel+t.channels == c.channelsIn {
		for k, v := range t.oddSums[:count] {
			y[k*c.plane] = min(max(v, a.bounds.floor), a.bounds.ceiling)
		}
	}
}
