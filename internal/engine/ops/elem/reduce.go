// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
)

// Reduction is a function of many elements to one.
type Reduction int

// The reductions, as the ONNX operators Reduce… define them.
const (
	ReduceSum Reduction = iota
	ReduceMean
	ReduceMax
	ReduceMin
	ReduceSumSquare
	ReduceL2
	ReduceProd
	reductionCount
)

// Reduce reduces the axes of x for which reduced is true. y receives the results in row-major order of the other axes.
// x has at most MaxRank dimensions, none of them 0.
func Reduce(_ *exec.Workspace, op Reduction, shape []int, reduced []bool, x, y []float32) {
	if op < 0 || op >= reductionCount || len(shape) > MaxRank || len(reduced) != len(shape) {
		panic("engine: reduce: unknown operation, too many dimensions or an axis without its flag")
	}
	var outer, inner axes
	length := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if reduced[i] {
			inner.add(shape[i], length)
		} else {
			outer.add(shape[i], length)
		}
		length *= shape[i]
	}
	exec.CheckLength("reduce", "x", x, length)
	exec.CheckLength("reduce", "y", y, outer.count())
	for i := range outer.count() {
		y[i] = reduceOne(op, x[outer.offset(i):], &inner)
	}
}

// axes is a list of dimensions, innermost first.
type axes struct {
	n            int
	size, stride [MaxRank]int
}

func (a *axes) add(size, stride int) {
	a.size[a.n], a.stride[a.n] = size, stride
	a.n++
}

func (a *axes) count() int {
	count := 1
	for _, size := range a.size[:a.n] {
		count *= size
	}
	return count
}

// offset returns the position of the i-th element in row-major order of the axes.
func (a *axes) offset(i int) int {
	offset := 0
	for d, size := range a.size[:a.n] {
		offset += i % size * a.stride[d]
		i /= size
	}
	return offset
}

func reduceOne(op Reduction, x []float32, inner *axes) float32 {
	count := inner.count()
	var total float64
	switch op {
	case ReduceMax:
		total = math.Inf(-1)
	case ReduceMin:
		total = math.Inf(1)
	case ReduceProd:
		total = 1
	}
	for i := range count {
		v := float64(x[inner.offset(i)])
		switch op {
		case ReduceSum, ReduceMean:
			total += v
		case ReduceMax:
			total = max(total, v)
		case ReduceMin:
			total = min(total, v)
		case ReduceSumSquare, ReduceL2:
			total += v * v
		case ReduceProd:
			total *= v
		}
	}
	switch op {
	case ReduceMean:
		total /= float64(count)
	case ReduceL2:
		total = math.Sqrt(total)
	}
	return float32(total)
}
