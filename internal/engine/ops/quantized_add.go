// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// QuantizedSum describes the sum of two values of 8 bits, y = min(max(OutZero + round(a·ScaleA + b·ScaleB + Offset), Low),
// High). Scales are those of the inputs divided by the output's, and Offset moves the inputs' zero points. Every product and
// every sum, from the left, is rounded to float32.
type QuantizedSum struct {
	ScaleA, ScaleB, Offset float32
	OutZero, Low, High     uint8
}

// quantizedSumPart is about how many bytes a part of a sum has.
const quantizedSumPart = 16 << 10

// quantizedSumArgs are the arguments of one sum.
type quantizedSumArgs struct {
	s       QuantizedSum
	to      kernels.ByteRange
	a, b, y []uint8
}

// RunQuantizedSum computes the sum of a and b, of the length of y.
func RunQuantizedSum(ws *exec.Workspace, s QuantizedSum, a, b, y []uint8) {
	exec.CheckLength("quantized sum", "a", a, len(y))
	exec.CheckLength("quantized sum", "b", b, len(y))
	quantizedStates.Of(ws).byteSum = quantizedSumArgs{s: s, to: kernels.NewByteRange(s.OutZero, s.Low, s.High), a: a, b: b, y: y}
	ws.Run(exec.CeilDiv(len(y), quantizedSumPart), quantizedSumPartOf)
}

func quantizedSumPartOf(ws *exec.Workspace, _, part int) {
	args := &quantizedStates.Of(ws).byteSum
	s := &args.s
	first := part * quantizedSumPart
	y := args.y[first:min(first+quantizedSumPart, len(args.y))]
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
