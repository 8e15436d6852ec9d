// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package pooling

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// MaxWindow is the largest number of taps of a max-pooling window whose position Max can record.
const MaxWindow = 256

// windowArgs are the arguments of one pooling.
type windowArgs struct {
	s           tensor.PoolShape
	x, y        []float32
	argmax      []uint8
	outH, outW  int
	countPads   bool
	inPlane     int
	planeLength int
}

func (p *windowArgs) setUp(s tensor.PoolShape) {
	s = s.WithDefaults()
	*p = windowArgs{s: s, outH: s.OutHeight(), outW: s.OutWidth(), inPlane: s.InHeight * s.InWidth}
	p.planeLength = p.outH * p.outW
}

// Max computes the maximum of each window; padding never wins. Unless argmax is nil, it receives for each output the
// tap, ky·KernelW+kx, of the first maximum, for which KernelH·KernelW may be at most MaxWindow.
func Max(ws *exec.Workspace, s tensor.PoolShape, x, y []float32, argmax []uint8) {
	exec.CheckLength("max pool", "x", x, s.InLen())
	exec.CheckLength("max pool", "y", y, s.OutLen())
	p := &states.Of(ws).window
	p.setUp(s)
	p.x, p.y, p.argmax = x, y, argmax
	if argmax != nil {
		exec.CheckLength("max pool", "argmax", argmax, s.OutLen())
		if s.KernelH*s.KernelW > MaxWindow {
			panic("engine: max pool: the window is too large for argmax")
		}
	}
	ws.Run(s.Batch*s.Channels, maxPart)
}

func maxPart(ws *exec.Workspace, worker, part int) {
	p := &states.Of(ws).window
	x := p.x[part*p.inPlane:][:p.inPlane]
	y := p.y[part*p.planeLength:][:p.planeLength]
	var argmax []uint8
	if p.argmax != nil {
		argmax = p.argmax[part*p.planeLength:][:p.planeLength]
	}
	if p.isHalving() {
		max2x2(x, p.s.InWidth, p.outW, y, argmax)
		return
	}
	if argmax == nil {
		p.maxByRows(ws.Kernels(), ws.Worker(worker), x, y)
		return
	}
	for oy := range p.outH {
		for ox := range p.outW {
			best, tap := p.maxWindow(x, oy, ox)
			y[oy*p.outW+ox], argmax[oy*p.outW+ox] = best, uint8(tap)
		}
	}
}

// isHalving reports whether this is the usual 2×2 window with stride 2 and no padding or partial windows.
func (p *windowArgs) isHalving() bool {
	s := &p.s
	return s.KernelH == 2 && s.KernelW == 2 && s.StrideH == 2 && s.StrideW == 2 && s.DilationH == 1 && s.DilationW == 1 &&
		s.PadTop|s.PadLeft|s.PadBottom|s.PadRight == 0 && p.outH*2 <= s.InHeight && p.outW*2 <= s.InWidth
}

// maxWindow returns the maximum of one window and its tap. A NaN wins, as it does in PyTorch.
func (p *windowArgs) maxWindow(x []float32, oy, ox int) (best float32, tap int) {
	s := &p.s
	best, tap = float32(math.Inf(-1)), -1
	for ky := range s.KernelH {
		iy := oy*s.StrideH - s.PadTop + ky*s.DilationH
		if uint(iy) >= uint(s.InHeight) {
			continue
		}
		for kx := range s.KernelW {
			ix := ox*s.StrideW - s.PadLeft + kx*s.DilationW
			if uint(ix) >= uint(s.InWidth) {
				continue
			}
			if v := x[iy*s.InWidth+ix]; v > best || tap < 0 || v != v {
				best, tap = v, ky*s.KernelW+kx
			}
		}
	}
	return best, tap
}

// max2x2 pools one plane of rows of width elements.
func max2x2(x []float32, width, outW int, y []float32, argmax []uint8) {
	for oy := range len(y) / outW {
		top, bottom := x[2*oy*width:][:2*outW], x[(2*oy+1)*width:][:2*outW]
		out := y[oy*outW:][:outW]
		for ox := range out {
			best, tap := top[2*ox], uint8(0)
			if v := top[2*ox+1]; v > best || v != v {
				best, tap = v, 1
			}
			if v := bottom[2*ox]; v > best || v != v {
				best, tap = v, 2
			}
			if v := bottom[2*ox+1]; v > best || v != v {
				best, tap = v, 3
			}
			out[ox] = best
			if argmax != nil {
				argmax[oy*outW+ox] = tap
			}
		}
	}
}

// MaxBackward sends each element of dy to the input that argmax names; dx is overwritten.
func MaxBackward(ws *exec.Workspace, s tensor.PoolShape, dy []float32, argmax []uint8, dx []float32) {
	exec.CheckLength("max pool backward", "dy", dy, s.OutLen())
	exec.CheckLength("max pool backward", "argmax", argmax, s.OutLen())
	exec.CheckLength("max pool backward", "dx", dx, s.InLen())
	p := &states.Of(ws).window
	p.setUp(s)
	p.x, p.y, p.argmax = dx, dy, argmax
	ws.Run(s.Batch*s.Channels, maxBackwardPart)
}

func maxBackwardPart(ws *exec.Workspace, _, part int) {
	p := &states.Of(ws).window
	s := &p.s
	dx := p.x[part*p.inPlane:][:p.inPlane]
	dy := p.y[part*p.planeLength:][:p.planeLength]
	argmax := p.argmax[part*p.planeLength:][:p.planeLength]
	clear(dx)
	for oy := range p.outH {
		for ox := range p.outW {
			tap := int(argmax[oy*p.outW+ox])
			iy := oy*s.StrideH - s.PadTop + tap/s.KernelW*s.DilationH
			ix := ox*s.StrideW - s.PadLeft + tap%s.KernelW*s.DilationW
			dx[iy*s.InWidth+ix] += dy[oy*p.outW+ox]
		}
	}
}

// Average computes the mean of each window. countPads says whether padding counts as zeros in the mean
// (ONNX's count_include_pad) or not at all.
func Average(ws *exec.Workspace, s tensor.PoolShape, x, y []float32, countPads bool) {
	exec.CheckLength("average pool", "x", x, s.InLen())
	exec.CheckLength("average pool", "y", y, s.OutLen())
	p := &states.Of(ws).window
	p.setUp(s)
	p.x, p.y, p.countPads = x, y, countPads
	ws.Run(s.Batch*s.Channels, averagePart)
}

func averagePart(ws *exec.Workspace, _, part int) {
	p := &states.Of(ws).window
	s := &p.s
	x := p.x[part*p.inPlane:][:p.inPlane]
	y := p.y[part*p.planeLength:][:p.planeLength]
	for oy := range p.outH {
		for ox := range p.outW {
			var sum float32
			count := 0
			for ky := range s.KernelH {
				iy := oy*s.StrideH - s.PadTop + ky*s.DilationH
				for kx := range s.KernelW {
					ix := ox*s.StrideW - s.PadLeft + kx*s.DilationW
					switch {
					case uint(iy) < uint(s.InHeight) && uint(ix) < uint(s.InWidth):
						sum += x[iy*s.InWidth+ix]
						count++
					case p.countPads && iy < s.InHeight+s.PadBottom && ix < s.InWidth+s.PadRight:
						// A window that ceil mode lets reach past the padding counts only the padding.
						count++
					}
				}
			}
			y[oy*p.outW+ox] = sum / float32(count)
		}
	}
}
