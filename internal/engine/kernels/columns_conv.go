// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// Convolutions for which there is no better way go by columns: for a panel of neighbouring output pixels, the pixels that
// each tap meets are copied side by side, and the packed weights are multiplied with them, 4 output channels and up to 3
// vectors of pixels at a time.

// panelFloats is about how large a panel may be, to stay in the second-level cache together with a few rows of weights.
const panelFloats = 24 << 10

// columnArgs are the arguments of one such convolution, beside its convArgs.
type columnArgs struct {
	u, bias []float32
	floor   float32
	ceiling float32
	panels  int // of an image
	splits  int // splits of the output channels, for want of panels
	depth   int // channels per group times taps
	quads   int // of output channels per group, the last padded
}

// columnsFit reports whether the set computes this convolution by columns.
func (ws *Workspace) columnsFit(s ConvShape) bool {
	s = s.withDefaults()
	return ws.set.rowsConvolutions[0] != nil && (s.Groups == 1 || s.InChannels > s.Groups)
}

// columnWeights returns the length of the packed weights.
func columnWeights(s ConvShape) int {
	s = s.withDefaults()
	outGroup := s.OutChannels / s.Groups
	return s.Groups * ceilDiv(outGroup, quad) * quad * (s.WeightLen() / s.OutChannels)
}

// packColumnWeights fills u, [Groups][⌈outputs/4⌉][depth][4], with the weights; missing outputs are zero.
func (ws *Workspace) packColumnWeights(s ConvShape, w, u []float32) {
	ws.conv.setUp(s)
	ws.conv.w, ws.column.u = w, u
	ws.run(ws.conv.s.Groups*ceilDiv(ws.conv.channelsOut, quad), packColumnWeightsPart)
}

func packColumnWeightsPart(ws *Workspace, _, part int) {
	c := &ws.conv
	depth, quads := c.channelsIn*c.taps, ceilDiv(c.channelsOut, quad)
	group, first := part/quads, part%quads*quad
	dst := ws.column.u[part*depth*quad:][:depth*quad]
	clear(dst)
	for j := range min(quad, c.channelsOut-first) {
		for i, v := range c.w[(group*c.channelsOut+first+j)*depth:][:depth] {
			dst[i*quad+j] = v
		}
	}
}

// padBias copies the bias, which may be nil, leaving room for each group's missing outputs.
func padBias(s ConvShape, bias, padded []float32) {
	clear(padded)
	if bias == nil {
		return
	}
	outGroup := s.OutChannels / s.Groups
	for group := range s.Groups {
		copy(padded[group*ceilDiv(outGroup, quad)*quad:], bias[group*outGroup:][:outGroup])
	}
}

// columns computes y = epilogue(conv(x, w) + bias) without pooling, u and bias being packed and padded.
func (ws *Workspace) columns(s ConvShape, x, u, bias, y []float32, e Epilogue) {
	c := &ws.conv
	c.setUp(s)
	c.x, c.y = x, y
	depth := c.channelsIn * c.taps
	widest := tileVectors * lanes
	panels := ceilDiv(c.plane, widest*max(panelFloats/(widest*depth), 1))
	quads := ceilDiv(c.channelsOut, quad)
	parts := s.Batch * c.s.Groups * panels
	ws.column = columnArgs{
		u: u, bias: bias, floor: e.floor(), ceiling: e.ceiling(), panels: panels, depth: depth, quads: quads,
		splits: min(max(ceilDiv(4*ws.threads, parts), 1), ceilDiv(quads, 8)),
	}
	ws.run(parts*ws.column.splits, columnsPart)
}

// columnsPart computes a share of the output channels of one group for one panel of an image.
func columnsPart(ws *Workspace, worker, part int) {
	a, c := &ws.column, &ws.conv
	split, part := part%a.splits, part/a.splits
	panel, part := part%a.panels, part/a.panels
	group, image := part%c.s.Groups, part/c.s.Groups
	// Panels have as many vectors as the others, or one less.
	total := ceilDiv(c.plane, lanes)
	first := panel * total / a.panels * lanes
	pixels := min((panel+1)*total/a.panels*lanes, c.plane) - first
	vectors := ceilDiv(pixels, lanes)
	q0, q1 := split*a.quads/a.splits, (split+1)*a.quads/a.splits

	widest := tileVectors * lanes
	scratch := ws.workers[worker].scratch(a.depth*vectors*lanes + (q1-q0)*quad*widest)
	columns, result := scratch[:a.depth*vectors*lanes], scratch[a.depth*vectors*lanes:]
	a.pack(c, columns, vectors*lanes, c.inputGroup(c.x, image, group), first, pixels)

	y := c.outputGroup(c.y, image, group)
	u := &a.u[(group*a.quads+q0)*a.depth*quad]
	bias := &a.bias[(group*a.quads+q0)*quad]
	whole := c.channelsOut%quad == 0
	for at := 0; at < vectors; {
		n := min(tileVectors, vectors-at)
		if vectors-at == tileVectors+1 {
			n = 2
		}
		v := &columns[at*lanes]
		if valid := min(n*lanes, pixels-at*lanes); whole && valid == n*lanes {
			ws.set.rowsConvolutions[n-1](q1-q0, u, a.depth, v, vectors*lanes*floatSize,
				&y[q0*quad*c.plane+first+at*lanes], c.plane*floatSize, bias, a.floor, a.ceiling)
		} else {
			ws.set.rowsConvolutions[n-1](q1-q0, u, a.depth, v, vectors*lanes*floatSize, &result[0], widest*floatSize, bias, a.floor, a.ceiling)
			for k := q0 * quad; k < min(q1*quad, c.channelsOut); k++ {
				copy(y[k*c.plane+first+at*lanes:][:valid], result[(k-q0*quad)*widest:])
			}
		}
		at += n
	}
}

// pack copies what each entry of the kernel meets at the panel's pixels to a row of columns.
func (a *columnArgs) pack(c *convArgs, columns []float32, stride int, x []float32, first, pixels int) {
	pointwise := c.taps == 1 && c.plane == c.inPlane && c.s.PadTop == 0 && c.s.PadLeft == 0
	for i := range a.depth {
		row := columns[i*stride:][:stride]
		if pointwise {
			copy(row[:pixels], x[i*c.inPlane+first:])
		} else {
			c.gather(row[:pixels], x, i, first)
		}
		clear(row[pixels:])
	}
}
