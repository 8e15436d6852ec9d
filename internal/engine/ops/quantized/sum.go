// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// Sum describes the sum of two values of 8 bits, y = min(max(OutZero + round(a·ScaleA + b·ScaleB + Offset), Low),
// High). Scales are those of the inputs divided by the output's, and Offset moves the inputs' zero points. Every product and
// every sum, from the left, is rounded to float32.
type Sum struct {
	ScaleA, ScaleB, Offset float32
	OutZero, Low, High     uint8
}

// sumBytes is about how many bytes a part of a sum has.
const sumBytes = 16 << 10

// sumArgs are the arguments of one sum.
type sumArgs struct {
	s       Sum
	to      kernels.ByteRange
	a, b, y []uint8
}

// Add computes the sum of a and b, of the length of y.
func Add(ws *exec.Workspace, s Sum, a, b, y []uint8) {
	exec.CheckLength("quantized sum", "a", a, len(y))
	exec.CheckLength("quantized sum", "b", b, len(y))
	states.Of(ws).sum = sumArgs{s: s, to: kernels.NewByteRange(s.OutZero, s.Low, s.High), a: a, b: b, y: y}
	ws.Run(exec.CeilDiv(len(y), sumBytes), sumPart)
}

func sumPart(ws *exec.Workspace, _, part int) {
	args := &states.Of(ws).sum
	s := &args.s
	first := part * sumBytes
	y := args.y[first:min(first+sumBytes, len(args.y))]
	a, b := args.a[first:][:len(y)], args.b[first:][:len(y)]
	done := 0
	if loops := ws.Kernels().Quantized; loops != nil && len(y) >= 32 {
		done = len(y) &^ 31
		loops.Add(done, &a[0], &b[0], s.ScaleA, s.ScaleB, s.Offset, &args.to.High[0], &y[0])
	}
	for i := done; i < len(y); i++ {
		// The conversions keep the compiler from fusing product and sum.
		y[i] = args.to.Round(float32(float32(float32(a[i])*s.ScaleA)+float32(float32(b[i])*s.ScaleB)) + s.Offset)
	}
}
