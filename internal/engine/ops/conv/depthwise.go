// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/dense"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// planeArgs are the arguments of a depthwise convolution by the set's kernel, beside its convArgs. A plane is copied to
// scratch memory with its padding, columns that lie a stride apart side by side, so that neighboring output pixels read
// neighboring elements at every tap.
type planeArgs struct {
	epilogue Epilogue
	width    int // output pixels of a row, at least a vector
	phase    int // elements of a scratch row that have the same remainder by the stride
	rows     int // scratch rows
}

// runPlanes computes y = epilogue(conv(x, w) + bias) without pooling, where each group has one input channel.
func runPlanes(ws *exec.Workspace, s tensor.ConvShape, x, w, bias, y []float32, e Epilogue) {
	st := states.Of(ws)
	c := &st.conv
	c.setUp(s)
	c.x, c.w, c.b, c.y = x, w, bias, y
	d := &c.s
	width := max(c.outW, lanes)
	st.plane = planeArgs{
		epilogue: e, width: width, rows: (c.plane/c.outW-1)*d.StrideH + (d.KernelH-1)*d.DilationH + 1,
		phase: width + exec.CeilDiv((d.KernelW-1)*d.DilationW+1, d.StrideW),
	}
	ws.Run(d.Batch*d.OutChannels, depthwisePlanePart)
}

// depthwisePlanePart convolves one output plane by the set's kernel.
func depthwisePlanePart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	c, p, state := &st.conv, &st.plane, ws.Worker(worker)
	s := &c.s
	channel := part % s.OutChannels
	stride := p.phase * s.StrideW
	scratch := state.Scratch(p.rows*stride + c.plane/c.outW*lanes)
	image, narrow := scratch[:p.rows*stride], scratch[p.rows*stride:]
	p.load(c, image, c.inputGroup(c.x, part/s.OutChannels, channel/c.channelsOut))
	state.Offsets = exec.Grow(state.Offsets, c.taps)
	for tap := range c.taps {
		column := tap % s.KernelW * s.DilationW
		state.Offsets[tap] = (tap/s.KernelW*s.DilationH*stride + column%s.StrideW*p.phase + column/s.StrideW) * floatSize
	}
	var bias float32
	if c.b != nil {
		bias = c.b[channel]
	}
	w, y := &c.w[channel*c.taps], c.y[part*c.plane:][:c.plane]
	rows, step := c.plane/c.outW, s.StrideH*stride*floatSize
	run := func(vectors, column int, y []float32, width int) {
		ws.Kernels().DepthwisePlane(rows, vectors, &image[column], step, c.taps, &state.Offsets[0], w, &y[column], width*floatSize,
			bias, p.epilogue.floor(), p.epilogue.ceiling())
	}
	if c.outW < lanes {
		run(1, 0, narrow, lanes)
		for row := range rows {
			copy(y[row*c.outW:][:c.outW], narrow[row*lanes:])
		}
		return
	}
	run(c.outW/lanes, 0, y, c.outW)
	if c.outW%lanes != 0 {
		run(1, c.outW-lanes, y, c.outW)
	}
}

// load copies a plane with its padding to image.
func (p *planeArgs) load(c *convArgs, image, x []float32) {
	s := &c.s
	clear(image)
	for r := range p.rows {
		iy := r - s.PadTop
		if uint(iy) >= uint(s.InHeight) {
			continue
		}
		row := image[r*p.phase*s.StrideW:][:p.phase*s.StrideW]
		source := x[iy*s.InWidth:][:s.InWidth]
		for remainder := range s.StrideW {
			part := row[remainder*p.phase:][:p.phase]
			// Element i is input column i·stride + remainder - pad.
			first := exec.CeilDiv(max(s.PadLeft-remainder, 0), s.StrideW)
			last := min(floorDiv(s.InWidth-1+s.PadLeft-remainder, s.StrideW)+1, len(part))
			if first < last {
				dense.CopyStrided(part[first:last], source, first*s.StrideW+remainder-s.PadLeft, s.StrideW)
			}
		}
	}
}

// depthwisePart convolves one output plane of a convolution whose groups have one input channel each.
func depthwisePart(ws *exec.Workspace, _, part int) {
	c := &states.Of(ws).conv
	s := &c.s
	channel := part % s.OutChannels
	x := c.inputGroup(c.x, part/s.OutChannels, channel/c.channelsOut)
	w := c.w[channel*c.taps:][:c.taps]
	y := c.y[part*c.plane:][:c.plane]
	var bias float32
	if c.b != nil {
		bias = c.b[channel]
	}
	for i := range y {
		y[i] = bias
	}
	for tap, weight := range w {
		dy, dx := tap/s.KernelW*s.DilationH-s.PadTop, tap%s.KernelW*s.DilationW-s.PadLeft
		ox0, ox1 := c.insideRow(dx)
		for oy := range c.plane / c.outW {
			iy := oy*s.StrideH + dy
			if uint(iy) >= uint(s.InHeight) || ox0 >= ox1 {
				continue
			}
			out := y[oy*c.outW+ox0 : oy*c.outW+ox1]
			in := x[iy*s.InWidth+ox0*s.StrideW+dx : (iy+1)*s.InWidth]
			if s.StrideW == 1 {
				in = in[:len(out)]
				for i, v := range in {
					out[i] += weight * v
				}
				continue
			}
			for i := range out {
				out[i] += weight * in[i*s.StrideW]
			}
		}
	}
}
