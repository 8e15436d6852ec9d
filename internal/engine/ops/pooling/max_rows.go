// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package pooling

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// maxByRows pools one plane, a row of outputs at a time: the rows of a window become one, whose columns are then compared,
// each a run of neighboring elements once a stride of 2 is undone. A NaN wins.
func (p *windowArgs) maxByRows(loops *kernels.Set, state *exec.Worker, x, y []float32) {
	s := &p.s
	reach := max((p.outW-1)*s.StrideW+(s.KernelW-1)*s.DilationW+1, s.PadLeft+s.InWidth)
	half := exec.CeilDiv(reach, 2)
	scratch := state.Scratch(4 * half)
	row, even, odd := scratch[:2*half], scratch[2*half:3*half], scratch[3*half:]
	lowest := float32(math.Inf(-1))
	for i := range row {
		row[i] = lowest
	}
	for oy := range p.outH {
		p.maxOfRows(loops, row[s.PadLeft:][:s.InWidth], x, oy)
		out := y[oy*p.outW:][:p.outW]
		switch s.StrideW {
		case 1:
			copy(out, row)
			for kx := 1; kx < s.KernelW; kx++ {
				loops.Maximum(out, out, row[kx*s.DilationW:])
			}
		case 2:
			loops.Split(even, odd, row)
			copy(out, even)
			for kx := 1; kx < s.KernelW; kx++ {
				phase, at := even, kx*s.DilationW
				if at%2 != 0 {
					phase = odd
				}
				loops.Maximum(out, out, phase[at/2:])
			}
		default:
			for ox := range out {
				out[ox] = row[ox*s.StrideW]
				for kx := 1; kx < s.KernelW; kx++ {
					out[ox] = max(out[ox], row[ox*s.StrideW+kx*s.DilationW])
				}
			}
		}
	}
}

// maxOfRows sets dst to the maximum of the input rows that the windows of output row oy cover.
func (p *windowArgs) maxOfRows(loops *kernels.Set, dst, x []float32, oy int) {
	s := &p.s
	empty := true
	for ky := range s.KernelH {
		iy := oy*s.StrideH - s.PadTop + ky*s.DilationH
		switch {
		case uint(iy) >= uint(s.InHeight):
		case empty:
			copy(dst, x[iy*s.InWidth:])
			empty = false
		default:
			loops.Maximum(dst, dst, x[iy*s.InWidth:])
		}
	}
}
