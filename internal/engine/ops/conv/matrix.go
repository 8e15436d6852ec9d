// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/dense"
)

// imageMatrix presents one group of an image as the matrix that turns convolution into a product ("im2col"): row
// (channel, tap), column = output pixel. It is never stored: the product packs from the image.
type imageMatrix struct {
	c *convArgs
	x []float32
}

// Pack implements Right.
func (m *imageMatrix) Pack(dst []float32, nr, j0, n, k0, kc int, row []float32) {
	c := m.c
	row = row[:n]
	for p := range kc {
		c.gather(row, m.x, k0+p, j0)
		dense.PackRow(dst[p*nr:], nr, kc, row)
	}
}

// imageMatrixT is the transpose of imageMatrix: row = output pixel, column (channel, tap).
type imageMatrixT struct {
	c *convArgs
	x []float32
}

// Pack implements Right.
func (m *imageMatrixT) Pack(dst []float32, nr, j0, n, k0, kc int, row []float32) {
	row = row[:kc]
	for j := range n {
		m.c.gather(row, m.x, j0+j, k0)
		dense.PackColumn(dst, nr, kc, j, row)
	}
	dense.ClearLastLanes(dst, nr, kc, n)
}

// gather reads, for consecutive output pixels from pixel on, the input that entry index = channel·taps+tap of the kernel
// meets there: zero in the padding.
func (c *convArgs) gather(row, x []float32, index, pixel int) {
	s := &c.s
	channel, tap := index/c.taps, index%c.taps
	plane := x[channel*c.inPlane:][:c.inPlane]
	dy, dx := tap/s.KernelW*s.DilationH-s.PadTop, tap%s.KernelW*s.DilationW-s.PadLeft
	oy, ox := pixel/c.outW, pixel%c.outW
	// Outputs first ≤ ox < last read inside the row.
	first, last := c.insideRow(dx)
	for len(row) > 0 {
		run := row[:min(c.outW-ox, len(row))]
		row = row[len(run):]
		iy := oy*s.StrideH + dy
		if uint(iy) >= uint(s.InHeight) || first >= last {
			clear(run)
		} else {
			lo := min(max(first-ox, 0), len(run))
			hi := max(min(last-ox, len(run)), lo)
			clear(run[:lo])
			dense.CopyStrided(run[lo:hi], plane[iy*s.InWidth:][:s.InWidth], (ox+lo)*s.StrideW+dx, s.StrideW)
			clear(run[hi:])
		}
		oy, ox = oy+1, 0
	}
}

// insideRow returns the outputs first ≤ ox < last for which the input column ox·StrideW+dx exists.
func (c *convArgs) insideRow(dx int) (first, last int) {
	s := &c.s
	return exec.CeilDiv(max(-dx, 0), s.StrideW), min(c.outW, floorDiv(s.InWidth-1-dx, s.StrideW)+1)
}

// floorDiv returns ⌊a/b⌋ for b > 0.
func floorDiv(a, b int) int {
	if a < 0 {
		return -exec.CeilDiv(-a, b)
	}
	return a / b
}
