// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// MaxWindow is the largest number of taps of a max-pooling window whose position MaxPool can record.
const MaxWindow = 256

// poolArgs are the arguments of one pooling.
type poolArgs struct {
	s           tensor.PoolShape
	x, y        []float32
	argmax      []uint8
	outH, outW  int
	countPads   bool
	inPlane     int
	planeLength int
}

func (p *poolArgs) setUp(s tensor.PoolShape) {
	s = s.WithDefaults()
	*p = poolArgs{s: s, outH: s.OutHeight(), outW: s.OutWidth(), inPlane: s.InHeight * s.InWidth}
	p.planeLength = p.outH * p.outW
}

// MaxPool computes the maximum of each window; padding never wins. Unless argmax is nil, it receives for each output the
// tap, ky·KernelW+kx, of the first maximum, for which KernelH·KernelW may be at most MaxWindow.
func MaxPool(ws *exec.Workspace, s tensor.PoolShape, x, y []float32, argmax []uint8) {
	exec.CheckLength("max pool", "x", x, s.InLen())
	exec.CheckLength("max pool", "y", y, s.OutLen())
	p := &poolStates.Of(ws).pool
	p.setUp(s)
	p.x, p.y, p.argmax = x, y, argmax
	if argmax != nil {
		exec.CheckLength("max pool", "argmax", argmax, s.OutLen())
		if s.KernelH*s.KernelW > MaxWindow {
			panic("kernels: max pool: the window is too large for argmax")
		}
	}
	ws.Run(s.Batch*s.Channels, maxPoolPart)
}

func maxPoolPart(ws *exec.Workspace, worker, part int) {
	p := &poolStates.Of(ws).pool
	x := p.x[part*p.inPlane:][:p.inPlane]
	y := p.y[part*p.planeLength:][:p.planeLength]
	var argmax []uint8
	if p.argmax != nil {
		argmax = p.argmax[part*p.planeLength:][:p.planeLength]
	}
	if p.isHalving() {
		maxPool2x2(x, p.s.InWidth, p.outW, y, argmax)
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
func (p *poolArgs) isHalving() bool {
	s := &p.s
	return s.KernelH == 2 && s.KernelW == 2 && s.StrideH == 2 && s.StrideW == 2 && s.DilationH == 1 && s.DilationW == 1 &&
		s.PadTop|s.PadLeft|s.PadBottom|s.PadRight == 0 && p.outH*2 <= s.InHeight && p.outW*2 <= s.InWidth
}

// maxWindow returns the maximum of one window and its tap. A NaN wins, as it does in PyTorch.
func (p *poolArgs) maxWindow(x []float32, oy, ox int) (best float32, tap int) {
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

// maxPool2x2 pools one plane of rows of width elements.
func maxPool2x2(x []float32, width, outW int, y []float32, argmax []uint8) {
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

// MaxPoolBackward sends each element of dy to the input that argmax names; dx is overwritten.
func MaxPoolBackward(ws *exec.Workspace, s tensor.PoolShape, dy []float32, argmax []uint8, dx []float32) {
	exec.CheckLength("max pool backward", "dy", dy, s.OutLen())
	exec.CheckLength("max pool backward", "argmax", argmax, s.OutLen())
	exec.CheckLength("max pool backward", "dx", dx, s.InLen())
	p := &poolStates.Of(ws).pool
	p.setUp(s)
	p.x, p.y, p.argmax = dx, dy, argmax
	ws.Run(s.Batch*s.Channels, maxPoolBackwardPart)
}

func maxPoolBackwardPart(ws *exec.Workspace, _, part int) {
	p := &poolStates.Of(ws).pool
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

// AveragePool computes the mean of each window. countPads says whether padding counts as zeros in the mean
// (ONNX's count_include_pad) or not at all.
func AveragePool(ws *exec.Workspace, s tensor.PoolShape, x, y []float32, countPads bool) {
	exec.CheckLength("average pool", "x", x, s.InLen())
	exec.CheckLength("average pool", "y", y, s.OutLen())
	p := &poolStates.Of(ws).pool
	p.setUp(s)
	p.x, p.y, p.countPads = x, y, countPads
	ws.Run(s.Batch*s.Channels, averagePoolPart)
}

func averagePoolPart(ws *exec.Workspace, _, part int) {
	p := &poolStates.Of(ws).pool
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

// globalArgs are the arguments of one pooling of whole planes, or of its gradient.
type globalArgs struct {
	s    tensor.NormShape
	x, y []float32
}

// GlobalAveragePool computes y[n, c] = mean of plane (n, c) of x.
func GlobalAveragePool(ws *exec.Workspace, s tensor.NormShape, x, y []float32) {
	exec.CheckLength("global average pool", "x", x, s.Len())
	exec.CheckLength("global average pool", "y", y, s.Batch*s.Channels)
	poolStates.Of(ws).global = globalArgs{s: s, x: x, y: y}
	ws.Run(s.Batch*s.Channels, globalAveragePart)
}

func globalAveragePart(ws *exec.Workspace, _, part int) {
	n := &poolStates.Of(ws).global
	n.y[part] = float32(ws.Kernels().Sum(n.x[part*n.s.Plane:][:n.s.Plane]) / float64(n.s.Plane))
}

// GlobalAveragePoolBackward computes dx = dy[n, c] / plane for every pixel of plane (n, c).
func GlobalAveragePoolBackward(ws *exec.Workspace, s tensor.NormShape, dy, dx []float32) {
	exec.CheckLength("global average pool backward", "dy", dy, s.Batch*s.Channels)
	exec.CheckLength("global average pool backward", "dx", dx, s.Len())
	poolStates.Of(ws).global = globalArgs{s: s, y: dy, x: dx}
	ws.Run(s.Batch*s.Channels, globalAverageBackwardPart)
}

func globalAverageBackwardPart(ws *exec.Workspace, _, part int) {
	n := &poolStates.Of(ws).global
	v := n.y[part] / float32(n.s.Plane)
	dx := n.x[part*n.s.Plane:][:n.s.Plane]
	for i := range dx {
		dx[i] = v
	}
}
