// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// imageColumns presents one group of an image as the matrix that turns convolution into a product ("im2col"): row
// (channel, tap), column = output pixel. It is never stored: the product packs from the image.
type imageColumns struct {
	c *convArgs
	x []float32
}

// pack implements bSource.
func (m *imageColumns) pack(dst []float32, width, lanes, j0, k0, kc int) {
	c, s := m.c, &m.c.s
	oy, ox := j0/c.outW, j0%c.outW
	oneRow := ox+lanes <= c.outW && s.StrideW == 1
	for p := range kc {
		channel, tap := (k0+p)/c.taps, (k0+p)%c.taps
		plane := m.x[channel*c.inPlane:][:c.inPlane]
		dy, dx := tap/s.KernelW*s.DilationH-s.PadTop, tap%s.KernelW*s.DilationW-s.PadLeft
		row := dst[p*width:][:width]
		iy, ix := oy*s.StrideH+dy, ox+dx
		if oneRow && uint(iy) < uint(s.InHeight) && ix >= 0 && ix+lanes <= s.InWidth {
			copy(row, plane[iy*s.InWidth+ix:][:lanes])
			clear(row[lanes:])
			continue
		}
		c.gather(row[:lanes], plane, oy, ox, dy, dx)
		clear(row[lanes:])
	}
}

// gather reads one tap of consecutive output pixels starting at (oy, ox); pixels in the padding are zero.
func (c *convArgs) gather(row, plane []float32, oy, ox, dy, dx int) {
	s := &c.s
	for j := range row {
		iy, ix := oy*s.StrideH+dy, ox*s.StrideW+dx
		var v float32
		if uint(iy) < uint(s.InHeight) && uint(ix) < uint(s.InWidth) {
			v = plane[iy*s.InWidth+ix]
		}
		row[j] = v
		if ox++; ox == c.outW {
			ox, oy = 0, oy+1
		}
	}
}

// imageColumnsT is the transpose of imageColumns: row = output pixel, column (channel, tap).
type imageColumnsT struct {
	c *convArgs
	x []float32
}

// pack implements bSource.
func (m *imageColumnsT) pack(dst []float32, width, lanes, j0, k0, kc int) {
	c, s := m.c, &m.c.s
	if lanes < width {
		clear(dst[:kc*width])
	}
	for j := range lanes {
		channel, tap := (j0+j)/c.taps, (j0+j)%c.taps
		plane := m.x[channel*c.inPlane:][:c.inPlane]
		dy, dx := tap/s.KernelW*s.DilationH-s.PadTop, tap%s.KernelW*s.DilationW-s.PadLeft
		oy, ox := k0/c.outW, k0%c.outW
		for p := range kc {
			iy, ix := oy*s.StrideH+dy, ox*s.StrideW+dx
			var v float32
			if uint(iy) < uint(s.InHeight) && uint(ix) < uint(s.InWidth) {
				v = plane[iy*s.InWidth+ix]
			}
			dst[p*width+j] = v
			if ox++; ox == c.outW {
				ox, oy = 0, oy+1
			}
		}
	}
}
