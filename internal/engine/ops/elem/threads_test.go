// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import (
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

func TestElementwiseThreads(t *testing.T) {
	exectest.SameBits(t, func(ws *exec.Workspace) []float32 {
		x, dy := enginetest.RandomSlice(38_500, 4), enginetest.RandomSlice(38_500, 5)
		y, z := make([]float32, len(x)), make([]float32, len(x))
		Dropout(ws, 1, 2, 0.5, x, y)
		Combine(ws, Multiply, []int{35, 1100}, y, []int{1100}, dy, z)
		UpdateAdam(ws, Adam{LearningRate: 0.1, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8, Step: 1}, x, dy, y, make([]float32, len(x)))
		UpdateAverage(ws, 0.1, x, z)
		return slices.Concat(x, y, z)
	})
}

func TestElementwiseDoesNotAllocate(t *testing.T) {
	x, w := enginetest.RandomSlice(30, 1), enginetest.RandomSlice(30, 2)
	shapeA, shapeB, reduced := []int{30}, []int{1}, []bool{true}
	exectest.NoAllocations(t, func(ws *exec.Workspace) {
		Apply(ws, ReLU, 0, 0, x, x)
		Combine(ws, Add, shapeA, x, shapeB, w, x)
		Reduce(ws, ReduceSum, shapeA, reduced, x, w)
		Softmax(ws, 3, 10, 1, x, x, false)
		Dropout(ws, 1, 2, 0.5, x, x)
		UpdateSGD(ws, SGD{LearningRate: 0.1, Momentum: 0.9}, x, w, w)
		UpdateAverage(ws, 0.1, x, w)
	})
}
