// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"fmt"
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/pooling"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// A prepared convolution must agree with the convolution, ReLU and max pooling one after another, for every method.
func TestPreparedConv2D(t *testing.T) {
	shapes := map[string]tensor.ConvShape{
		"tiles, pooled evenly": {InChannels: 3, InHeight: 24, InWidth: 20, OutChannels: 8, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		"Winograd":             {InChannels: 16, InHeight: 22, InWidth: 35, OutChannels: 20, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		"Winograd, a vector":   {InChannels: 16, InHeight: 28, InWidth: 28, OutChannels: 16, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}, // is left over
		"Winograd, groups":     {InChannels: 16, InHeight: 16, InWidth: 64, OutChannels: 80, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	}
	for name, s := range convShapes {
		if testing.Short() {
			break // the shapes above take every method but the one by columns, which TestConv2D covers
		}
		s.Batch = 0
		shapes[name] = s
	}
	const batch = 3
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for name, s := range shapes {
			for _, e := range []Epilogue{{}, {ReLU: true}, {Add: true}, {Add: true, ReLU: true}, {ReLU: true, Ceiling: 2}, {MaxPool: true}, {ReLU: true, Ceiling: 1, MaxPool: true}, {ReLU: true, MaxPool: true}} {
				whole := s
				whole.Batch = batch
				if e.MaxPool && min(s.OutHeight(), s.OutWidth()) < 2 || e.Add && !Adds(ws, s) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%+v", name, e), func(t *testing.T) { checkPrepared(t, ws, s, whole, e) })
			}
		}
	})
}

func checkPrepared(t *testing.T, ws *exec.Workspace, s, whole tensor.ConvShape, e Epilogue) {
	reference := exectest.NewWorkspace(t, "portable", 1)
	x, w, bias := enginetest.RandomSlice(whole.InLen(), 1), enginetest.RandomSlice(whole.WeightLen(), 2), enginetest.RandomSlice(s.OutChannels, 3)
	want := make([]float32, whole.OutLen())
	Forward(reference, whole, x, w, bias, want)
	unbounded := make([]float64, len(want))
	for i, v := range want {
		unbounded[i] = float64(v)
	}
	tolerance := 1e-4 * enginetest.RootMeanSquare(unbounded)
	before := enginetest.RandomSlice(len(want), 4)
	if e.Add {
		reference.Kernels().Add(want, want, before)
	}
	if e.ReLU {
		elem.Apply(reference, elem.ReLU, 0, 0, want, want)
	}
	if e.Ceiling > 0 {
		elem.Apply(reference, elem.Clip, 0, e.Ceiling, want, want)
	}
	if e.MaxPool {
		pool := tensor.PoolShape{Batch: whole.Batch, Channels: s.OutChannels, InHeight: s.OutHeight(), InWidth: s.OutWidth(), KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2}
		pooled := make([]float32, pool.OutLen())
		pooling.Max(reference, pool, want, pooled, nil)
		want = pooled
	}
	p := Prepare(ws, s, slices.Clone(w), bias, e)
	if p.OutLen(whole.Batch) != len(want) {
		t.Fatalf("OutLen is %d, want %d", p.OutLen(whole.Batch), len(want))
	}
	got := slices.Clone(before[:len(want)])
	Run(ws, p, whole.Batch, x, got)
	enginetest.ExpectClose(t, "y", got, want, tolerance)
	again := make([]float32, len(want))
	if allocations := testing.AllocsPerRun(20, func() { Run(ws, p, whole.Batch, x, again) }); allocations != 0 {
		t.Errorf("%v allocations, want 0", allocations)
	}
	// The result does not depend on the number of threads.
	copy(again, before)
	Run(exectest.NewWorkspace(t, ws.Set(), 5), p, whole.Batch, x, again)
	if !slices.Equal(got, again) {
		t.Error("5 threads give other bits than 2")
	}
}

func TestPreparedConv2DBelongsToItsSet(t *testing.T) {
	names := kernels.Names()
	if len(names) < 2 {
		t.Skip("this CPU has one kernel set only")
	}
	s := convShapes["first layer"]
	p := Prepare(exectest.NewWorkspace(t, names[0], 1), s, make([]float32, s.WeightLen()), nil, Epilogue{})
	defer func() {
		if recover() == nil {
			t.Error("a convolution prepared for another set ran")
		}
	}()
	Run(exectest.NewWorkspace(t, names[1], 1), p, 1, make([]float32, s.InLen()), make([]float32, p.OutLen(1)))
}
