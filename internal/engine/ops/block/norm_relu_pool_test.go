// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/norm"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/pooling"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

var normPoolShapes = []tensor.ImageShape{
	{Batch: 3, Channels: 2, Height: 4, Width: 16}, {Batch: 2, Channels: 3, Height: 8, Width: 8},
	{Batch: 2, Channels: 2, Height: 7, Width: 45}, {Batch: 1, Channels: 1, Height: 2, Width: 2}, {Batch: 2, Channels: 2, Height: 6, Width: 28},
}

// The operation in one must agree with batch normalization, ReLU and max pooling one after another.
func TestNormReLUPool(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for _, s := range normPoolShapes {
			t.Run(fmt.Sprint(s), func(t *testing.T) { checkNormReLUPool(t, ws, s) })
		}
	})
}

func checkNormReLUPool(t *testing.T, ws *exec.Workspace, s tensor.ImageShape) {
	const eps, momentum = 1e-5, 0.1
	reference := exectest.NewWorkspace(t, "portable", 1)
	pool := tensor.PoolShape{Batch: s.Batch, Channels: s.Channels, InHeight: s.Height, InWidth: s.Width, KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2}
	x, dpooled := enginetest.RandomSlice(s.Len(), 1), enginetest.RandomSlice(s.PooledLen(), 2)
	gamma, beta := enginetest.RandomSlice(s.Channels, 3), enginetest.RandomSlice(s.Channels, 4)
	perChannel := func() []float32 { return make([]float32, s.Channels) }

	y, want := make([]float32, s.Len()), make([]float32, s.PooledLen())
	wantMean, wantInvStd, wantRunningMean, wantRunningVar := perChannel(), perChannel(), perChannel(), perChannel()
	argmax := make([]uint8, s.PooledLen())
	norm.BatchTraining(reference, planesOf(s), x, gamma, beta, eps, momentum, y, wantMean, wantInvStd, wantRunningMean, wantRunningVar)
	elem.Apply(reference, elem.ReLU, 0, 0, y, y)
	pooling.Max(reference, pool, y, want, argmax)
	dy, wantDX, wantDGamma, wantDBeta := make([]float32, s.Len()), make([]float32, s.Len()), perChannel(), perChannel()
	pooling.MaxBackward(reference, pool, dpooled, argmax, dy)
	elem.ReLUBackward(reference, y, dy, dy)
	norm.BatchBackward(reference, planesOf(s), x, dy, gamma, wantMean, wantInvStd, wantDX, wantDGamma, wantDBeta)

	got, choice := make([]float32, s.PooledLen()), make([]uint16, ChoiceLen(s))
	mean, invStd, runningMean, runningVar := perChannel(), perChannel(), perChannel(), perChannel()
	NormReLUPoolTraining(ws, s, x, gamma, beta, eps, momentum, got, choice, mean, invStd, runningMean, runningVar)
	enginetest.ExpectClose(t, "pooled", got, want, 1e-5)
	enginetest.ExpectClose(t, "running mean", runningMean, wantRunningMean, 1e-5)
	enginetest.ExpectClose(t, "running variance", runningVar, wantRunningVar, 1e-5)
	width := s.Width / 2
	for i, v := range want {
		row := choice[i/width*kernels.ChoiceWords(width):][:kernels.ChoiceWords(width)]
		if pixel, alive := kernels.ChosenPixel(row, i%width); alive != (v > 0) || alive && pixel != int(argmax[i]) {
			t.Fatalf("window %d chose pixel %d (alive: %t), the largest is %d and the output %v", i, pixel, alive, argmax[i], v)
		}
	}
	dx, dgamma, dbeta := slices.Clone(x), perChannel(), perChannel()
	NormReLUPoolBackward(ws, s, dx, dpooled, choice, gamma, mean, invStd, dgamma, dbeta)
	enginetest.ExpectClose(t, "dgamma", dgamma, wantDGamma, 1e-4)
	enginetest.ExpectClose(t, "dbeta", dbeta, wantDBeta, 1e-4)
	if s.Height*s.Width*s.Batch > 4 { // a variance of few pixels is close to 0 and makes gradients huge
		enginetest.ExpectClose(t, "dx", dx, wantDX, 1e-4)
	}

	inference := make([]float32, s.PooledLen())
	NormReLUPoolInference(ws, s, x, gamma, beta, runningMean, []float32{1, 2, 3}[:s.Channels], eps, inference)
	norm.BatchInference(reference, planesOf(s), x, gamma, beta, runningMean, []float32{1, 2, 3}[:s.Channels], eps, y)
	elem.Apply(reference, elem.ReLU, 0, 0, y, y)
	pooling.Max(reference, pool, y, want, nil)
	enginetest.ExpectClose(t, "inference", inference, want, 1e-5)
}

// Of equal pixels the first is chosen, whatever the vector kernel's order of comparisons.
func TestNormPoolTies(t *testing.T) {
	for _, name := range kernels.Names() {
		set, err := kernels.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		const dead = -1
		top := []float32{1, 1, 0, 1, 0, 0, 0, 0, -1, -1, 2, 1, 1, 2, 0, 3}
		bottom := []float32{1, 1, 1, 1, 1, 0, 0, 1, -1, -1, 2, 2, 3, 3, 4, 4}
		out, choice := make([]float32, 8), make([]uint16, kernels.ChoiceWords(8))
		set.NormPool(out, choice, top, bottom, 1, 0)
		for i, want := range []int{0, 1, 2, 3, dead, 0, 2, 2} {
			if pixel, alive := kernels.ChosenPixel(choice, i); alive != (want != dead) || alive && pixel != want {
				t.Errorf("%s: window %d chose pixel %d (alive: %t), want %d", name, i, pixel, alive, want)
			}
		}
	}
}

// ReLU and pooling in one must agree with one after the other, whatever the gradient's memory held.
func TestReLUPool(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for _, s := range normPoolShapes {
			t.Run(fmt.Sprint(s), func(t *testing.T) {
				reference := exectest.NewWorkspace(t, "portable", 1)
				pool := tensor.PoolShape{Batch: s.Batch, Channels: s.Channels, InHeight: s.Height, InWidth: s.Width, KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2}
				x, dpooled := enginetest.RandomSlice(s.Len(), 1), enginetest.RandomSlice(s.PooledLen(), 2)
				x[0] = float32(math.NaN())
				y, want, wantDX := make([]float32, s.Len()), make([]float32, s.PooledLen()), make([]float32, s.Len())
				argmax := make([]uint8, s.PooledLen())
				elem.Apply(reference, elem.ReLU, 0, 0, x, y)
				pooling.Max(reference, pool, y, want, argmax)
				pooling.MaxBackward(reference, pool, dpooled, argmax, wantDX)
				elem.ReLUBackward(reference, y, wantDX, wantDX)

				got, choice, dx := make([]float32, s.PooledLen()), make([]uint16, ChoiceLen(s)), slices.Clone(x)
				ReLUPool(ws, s, x, got, choice)
				ReLUPoolBackward(ws, s, dpooled, choice, dx)
				inference := make([]float32, s.PooledLen())
				ReLUPool(ws, s, x, inference, nil)
				want[0], got[0], inference[0] = 0, 0, 0 // NaN equals nothing
				enginetest.ExpectClose(t, "pooled", got, want, 0)
				enginetest.ExpectClose(t, "inference", inference, want, 0)
				enginetest.ExpectClose(t, "dx", dx, wantDX, 0)
			})
		}
	})
}
