// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package pooling

import (
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

func TestPoolingThreads(t *testing.T) {
	exectest.SameBits(t, func(ws *exec.Workspace) []float32 {
		s := tensor.PoolShape{Batch: 2, Channels: 5, InHeight: 23, InWidth: 31, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1}
		x, argmax := enginetest.RandomSlice(s.InLen(), 1), make([]uint8, s.OutLen())
		y, mean, dx := make([]float32, s.OutLen()), make([]float32, s.OutLen()), make([]float32, s.InLen())
		planes := make([]float32, s.Batch*s.Channels)
		Max(ws, s, x, y, argmax)
		MaxBackward(ws, s, y, argmax, dx)
		Average(ws, s, x, mean, true)
		GlobalAverage(ws, tensor.NormShape{Batch: s.Batch, Channels: s.Channels, Plane: s.InHeight * s.InWidth}, x, planes)
		return slices.Concat(y, mean, dx, planes)
	})
}

func TestPoolingDoesNotAllocate(t *testing.T) {
	s := tensor.PoolShape{Batch: 2, Channels: 5, InHeight: 23, InWidth: 31, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2}
	x, argmax := enginetest.RandomSlice(s.InLen(), 1), make([]uint8, s.OutLen())
	y := make([]float32, s.OutLen())
	exectest.NoAllocations(t, func(ws *exec.Workspace) {
		Max(ws, s, x, y, nil)
		Max(ws, s, x, y, argmax)
		MaxBackward(ws, s, y, argmax, x)
		Average(ws, s, x, y, true)
		GlobalAverage(ws, tensor.NormShape{Batch: 2, Channels: 5, Plane: 100}, x, y)
	})
}
