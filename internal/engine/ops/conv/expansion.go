// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// MobileNetV2's blocks expand an image to six times as many channels, convolve each of them by itself and take them together
// again. The expanded image is larger than all others and is read once, so it never exists as a whole: each few channels are
// convolved as soon as they are there, and where an image is large, a band of their rows.

// Expansion is a 1×1 convolution followed by a depthwise 3×3 convolution that alone reads its output.
type Expansion struct {
	expand, depthwise *Prepared
	bias              []float32 // of the depthwise convolution
}

// expansionArgs are the arguments of one expansion, beside the convArgs and columnArgs of its first convolution.
type expansionArgs struct {
	p        *Expansion
	strips   planeStrips
	stride   int // of the depthwise convolution
	outH     int
	outPlane int
	bands    int // of an image
	splits   int // of its channels, for want of bands
	quads    int // of channels that are taken together
	columns  int // elements of a row of columns and of a plane of the expanded rows
}

const (
	// wholePixels is the number of pixels above which an expanded image is cut into bands, whose first and last rows are
	// computed twice.
	wholePixels = 3584
	// expandedFloats is about how many expanded elements are there at a time, to stay in the first-level cache.
	expandedFloats = 6 << 10
	// leastExpanded is the number of quads of channels below which the product would have too little to do at a time.
	leastExpanded = 3
)

// PrepareExpansion joins two prepared convolutions for which Expands holds; the first adds nothing, neither pools.
func PrepareExpansion(ws *exec.Workspace, expand, depthwise *Prepared) *Expansion {
	if !Expands(ws, expand.s, depthwise.s) || expand.epilogue.Add || expand.epilogue.MaxPool || depthwise.epilogue.MaxPool {
		panic("engine: prepare expansion: these convolutions are not computed in one step")
	}
	p := &Expansion{expand: expand, depthwise: depthwise, bias: depthwise.bias}
	if p.bias == nil {
		p.bias = make([]float32, depthwise.s.OutChannels)
	}
	return p
}

// RunExpansion computes y, the depthwise convolution of the first convolution of x, for a batch. y is overwritten and overlaps
// no input.
func RunExpansion(ws *exec.Workspace, p *Expansion, batch int, x, y []float32) {
	st := states.Of(ws)
	if p.expand.set != ws.Kernels() {
		panic("engine: the convolutions were prepared for another kernel set")
	}
	s, d := p.expand.s, p.depthwise.s
	s.Batch, d.Batch = batch, batch
	exec.CheckLength("expansion", "x", x, s.InLen())
	exec.CheckLength("expansion", "y", y, d.OutLen())
	c, a, e := &st.conv, &st.column, &st.expansion
	setUpColumns(ws, s, x, p.expand.u, p.expand.bias, y, p.expand.epilogue)
	*e = expansionArgs{p: p, strips: e.strips, stride: d.StrideW, outH: d.OutHeight(), outPlane: d.OutPlane()}
	e.bands = min(exec.CeilDiv(c.plane, wholePixels), e.outH)
	rows := min((exec.CeilDiv(e.outH, e.bands)-1)*e.stride+3, c.plane/c.outW)
	e.columns = oddLines(rows*c.outW + lanes)
	e.quads = min(max(expandedFloats/(quad*e.columns), leastExpanded), a.quads)
	e.splits = 1
	if ws.Threads() > 1 {
		e.splits = min(exec.CeilDiv(2*ws.Threads(), batch*e.bands), exec.CeilDiv(a.quads, e.quads))
	}
	a.stride = e.columns
	a.inPlace = e.stride == 1 && c.plane%cacheLine == 0 && (e.bands == 1 || c.outW%lanes == 0)
	e.strips.setUp(ws, d, p.depthwise.epilogue, rows*c.outW/2)
	ws.Run(batch*e.bands*e.splits, expansionPart)
}

// expansionPart computes a band of some channels.
func expansionPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	c, a, e := &st.conv, &st.column, &st.expansion
	split, part := part%e.splits, part/e.splits
	band, image := part%e.bands, part/e.bands
	row0, row1 := band*e.outH/e.bands, (band+1)*e.outH/e.bands
	// The depthwise convolution's first output meets expanded rows from top on.
	top := row0*e.stride - 1
	first, last := max(top, 0), min((row1-1)*e.stride+2, c.plane/c.outW)
	t := columnTask{
		first: first * c.outW, pixels: (last - first) * c.outW, x: c.inputGroup(c.x, image, 0),
		channels: c.channelsIn, depth: c.channelsIn,
	}
	t.vectors = exec.CeilDiv(t.pixels, lanes)
	scratch := ws.Worker(worker).Scratch((t.depth + e.quads*quad) * e.columns)
	expanded := scratch[:e.quads*quad*e.columns]
	t.columns = scratch[len(expanded):]
	columns, stride := t.columns, a.stride
	switch {
	case a.inPlace:
		columns, stride = t.x[t.first:], c.plane
	case e.stride == 1:
		a.pack(c, &t)
	default:
		e.packHalves(ws.Kernels(), c, &t)
	}
	r := stripRows{
		rows: row1 - row0, x: expanded, planeStep: e.columns, at: (top - first) * c.outW, end: t.pixels, step: c.outW, left: -1, right: 1,
	}
	if e.stride == 2 {
		half := t.pixels / 2
		r.at, r.end, r.step, r.left, r.right = r.at/2, half, c.outW/2, half-1, half
	}
	depthwise := e.p.depthwise
	for q, end := split*a.quads/e.splits, (split+1)*a.quads/e.splits; q < end; q += e.quads {
		quads := min(e.quads, end-q)
		for at := 0; at < t.vectors; {
			n := nextVectors(len(ws.Kernels().RowsConvolutions), t.vectors-at)
			ws.Kernels().RowsConvolutions[n-1](quads, &a.u[q*t.depth*quad], t.depth, &columns[at*lanes], stride*floatSize,
				&expanded[at*lanes], e.columns*floatSize, &a.bias[q*quad], a.bounds.floor, a.bounds.ceiling)
			at += n
		}
		channel := q * quad
		e.strips.run(quads*quad, r, depthwise.w[channel*9:], e.p.bias[channel:],
			c.y[(image*c.s.OutChannels+channel)*e.outPlane+row0*e.strips.outW:], e.outPlane)
	}
}

// packHalves copies a panel of the input with the even columns of all rows before the odd ones.
func (e *expansionArgs) packHalves(loops *kernels.Set, c *convArgs, t *columnTask) {
	half := t.pixels / 2
	for i := range t.depth {
		row := t.columns[i*e.columns:]
		loops.Split(row[:half], row[half:t.pixels], t.x[i*c.inPlane+t.first:][:t.pixels])
		clear(row[t.pixels : t.vectors*lanes])
	}
}
