// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import (
	"fmt"
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
)

// MaxRank is the largest number of dimensions that Binary and Reduce accept.
const MaxRank = 8

// Binary is an elementwise function of two arguments.
type Binary int

// The elementwise functions of two arguments.
const (
	Add Binary = iota
	Subtract
	Multiply
	Divide
	Maximum
	Minimum
	Power
	binaryCount
)

// broadcastArgs are the arguments of one operation on two broadcast tensors.
type broadcastArgs struct {
	op               Binary
	shape            [MaxRank]int // of the output, right-aligned, leading ones
	strideA, strideB [MaxRank]int // 0 where the operand repeats
	a, b, y          []float32
}

// BroadcastShape returns the shape of a binary operation's result by NumPy's rule: dimensions are aligned at the right;
// each pair is equal or one of them is 1.
func BroadcastShape(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	shape := append([]int(nil), a...)
	for i, d := range b {
		at := len(a) - len(b) + i
		switch {
		case a[at] == 1:
			shape[at] = d
		case d != 1 && d != a[at]:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast: dimension %d is %d in one and %d in the other", a, b, at, a[at], d)
		}
	}
	return shape, nil
}

// Combine computes y = op(a, b) with NumPy broadcasting. shapeA and shapeB have at most MaxRank dimensions and broadcast
// to the shape of y, which BroadcastShape gives. y may be a or b if that operand does not repeat.
func Combine(ws *exec.Workspace, op Binary, shapeA []int, a []float32, shapeB []int, b []float32, y []float32) {
	if op < 0 || op >= binaryCount || max(len(shapeA), len(shapeB)) > MaxRank {
		panic("engine: binary: unknown operation or too many dimensions")
	}
	args := &states.Of(ws).broadcast
	*args = broadcastArgs{op: op, a: a, b: b, y: y}
	lengthA, lengthB, length := 1, 1, 1
	for i := range MaxRank {
		at := MaxRank - 1 - i
		da, db := dimFromRight(shapeA, i), dimFromRight(shapeB, i)
		if da != db && da != 1 && db != 1 {
			panic(fmt.Sprintf("engine: binary: shapes %v and %v do not broadcast", shapeA, shapeB))
		}
		args.shape[at] = max(da, db)
		if da == 0 || db == 0 {
			return
		}
		if da > 1 {
			args.strideA[at] = lengthA
		}
		if db > 1 {
			args.strideB[at] = lengthB
		}
		lengthA, lengthB, length = lengthA*da, lengthB*db, length*args.shape[at]
	}
	exec.CheckLength("binary", "a", a, lengthA)
	exec.CheckLength("binary", "b", b, lengthB)
	exec.CheckLength("binary", "y", y, length)
	args.mergeRows()
	row := args.shape[MaxRank-1]
	ws.Run(exec.CeilDiv(length/row, max(1, vectorPart/row)), broadcastPart)
}

// dimFromRight returns the i-th dimension counted from the last, or 1 beyond the first.
func dimFromRight(shape []int, i int) int {
	if i >= len(shape) {
		return 1
	}
	return shape[len(shape)-1-i]
}

// mergeRows joins trailing dimensions that both operands walk through in the same way, so that rows are long.
func (b *broadcastArgs) mergeRows() {
	const last = MaxRank - 1
	for range last {
		inner, outer := b.shape[last], b.shape[last-1]
		mergeable := func(stride *[MaxRank]int) bool {
			return outer == 1 || inner == 1 || stride[last-1] == stride[last]*inner
		}
		if !mergeable(&b.strideA) || !mergeable(&b.strideB) {
			return
		}
		if inner == 1 {
			b.strideA[last], b.strideB[last] = b.strideA[last-1], b.strideB[last-1]
		}
		b.shape[last] = inner * outer
		for _, values := range []*[MaxRank]int{&b.shape, &b.strideA, &b.strideB} {
			copy(values[1:last], values[:last-1])
		}
		b.shape[0], b.strideA[0], b.strideB[0] = 1, 0, 0
	}
}

// broadcastPart computes a run of rows, a row being the last dimension.
func broadcastPart(ws *exec.Workspace, _, part int) {
	b := &states.Of(ws).broadcast
	const last = MaxRank - 1
	width := b.shape[last]
	rowsPerPart := max(1, vectorPart/width)
	rows := 1
	for _, d := range b.shape[:last] {
		rows *= d
	}
	for row := part * rowsPerPart; row < min(rows, (part+1)*rowsPerPart); row++ {
		atA, atB, rest := 0, 0, row
		for d := last - 1; d >= 0; d-- {
			i := rest % b.shape[d]
			rest /= b.shape[d]
			atA += i * b.strideA[d]
			atB += i * b.strideB[d]
		}
		if b.op == Add && b.strideA[last] == 1 && b.strideB[last] == 1 {
			ws.Kernels().Add(b.y[row*width:][:width], b.a[atA:], b.b[atB:])
			continue
		}
		binaryRow(b.op, b.y[row*width:][:width], b.a[atA:], b.strideA[last], b.b[atB:], b.strideB[last])
	}
}

// binaryRow computes one row; a stride is 0 (a repeated scalar) or 1.
func binaryRow(op Binary, y, a []float32, strideA int, b []float32, strideB int) {
	switch op {
	case Add:
		for i := range y {
			y[i] = a[i*strideA] + b[i*strideB]
		}
	case Subtract:
		for i := range y {
			y[i] = a[i*strideA] - b[i*strideB]
		}
	case Multiply:
		for i := range y {
			y[i] = a[i*strideA] * b[i*strideB]
		}
	case Divide:
		for i := range y {
			y[i] = a[i*strideA] / b[i*strideB]
		}
	case Maximum:
		for i := range y {
			y[i] = max(a[i*strideA], b[i*strideB])
		}
	case Minimum:
		for i := range y {
			y[i] = min(a[i*strideA], b[i*strideB])
		}
	case Power:
		for i := range y {
			y[i] = float32(math.Pow(float64(a[i*strideA]), float64(b[i*strideB])))
		}
	}
}
