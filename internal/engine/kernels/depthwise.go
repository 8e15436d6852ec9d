// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// depthwisePart convolves one output plane of a convolution whose groups have one input channel each.
func depthwisePart(ws *Workspace, _, part int) {
	c := &ws.conv
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
