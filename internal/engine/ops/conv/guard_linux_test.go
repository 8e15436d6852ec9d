// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"fmt"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// guardConv replaces the scratch memory that an operation has grown by guarded memory of the same size.
func guardConv(t *testing.T, ws *exec.Workspace, atStart bool) {
	t.Helper()
	st := states.Of(ws)
	for _, s := range []*[]float32{&st.once.u, &st.once.padded, &st.packed, &st.partial, &st.zeros, &st.unpooled} {
		*s = enginetest.GuardedCopy(t, *s, atStart)
	}
	exectest.GuardWorkers(t, ws, atStart)
}

func TestConvolutionStaysInBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: takes long under the race detector")
	}
	for name, s := range convShapes {
		for _, atStart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/atStart=%t", name, atStart), func(t *testing.T) {
				for _, pass := range []func(ws *exec.Workspace, x, w, y, b []float32){
					func(ws *exec.Workspace, x, w, y, b []float32) { Forward(ws, s, x, w, b, y) },
					func(ws *exec.Workspace, x, w, y, _ []float32) { Forward(ws, s, x, w, nil, y) },
					func(ws *exec.Workspace, x, w, y, _ []float32) { BackwardData(ws, s, y, w, x) },
					func(ws *exec.Workspace, x, w, y, b []float32) { BackwardWeights(ws, s, x, y, w, b) },
				} {
					ws := exectest.NewWorkspace(t, "", 1)
					x, w := enginetest.Guarded(t, s.InLen(), atStart), enginetest.Guarded(t, s.WeightLen(), atStart)
					y, b := enginetest.Guarded(t, s.OutLen(), atStart), enginetest.Guarded(t, s.OutChannels, atStart)
					pass(ws, x, w, y, b)
					guardConv(t, ws, atStart)
					pass(ws, x, w, y, b)
				}
			})
		}
	}
}

func TestPreparedConv2DStaysInBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: takes long under the race detector")
	}
	for _, s := range convShapes {
		for _, atStart := range []bool{false, true} {
			for _, e := range []Epilogue{{ReLU: true}, {Add: true}, {ReLU: true, MaxPool: true}} {
				ws := exectest.NewWorkspace(t, "", 1)
				if e.MaxPool && min(s.OutHeight(), s.OutWidth()) < 2 || e.Add && !Adds(ws, s) {
					continue
				}
				p := Prepare(ws, s, enginetest.Guarded(t, s.WeightLen(), atStart), nil, e)
				p.u, p.bias = enginetest.GuardedCopy(t, p.u, atStart), enginetest.GuardedCopy(t, p.bias, atStart)
				if len(p.bias) == 0 {
					p.bias = nil
				}
				x, y := enginetest.Guarded(t, s.InLen(), atStart), enginetest.Guarded(t, p.OutLen(s.Batch), atStart)
				Run(ws, p, s.Batch, x, y)
				guardConv(t, ws, atStart)
				Run(ws, p, s.Batch, x, y)
			}
		}
	}
}

func TestExpansionStaysInBounds(t *testing.T) {
	for _, set := range kernels.Names() {
		for name, shapes := range expansions {
			s, d := shapes[0], shapes[1]
			for _, atStart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/atStart=%t", set, name, atStart), func(t *testing.T) {
					ws := exectest.NewWorkspace(t, set, 1)
					if !Expands(ws, s, d) {
						t.Skip("the set does not compute it in one step")
					}
					first := Prepare(ws, s, enginetest.Guarded(t, s.WeightLen(), atStart), nil, Epilogue{})
					first.u, first.bias = enginetest.GuardedCopy(t, first.u, atStart), enginetest.GuardedCopy(t, first.bias, atStart)
					second := Prepare(ws, d, enginetest.Guarded(t, d.WeightLen(), atStart), enginetest.Guarded(t, d.OutChannels, atStart), Epilogue{})
					p := PrepareExpansion(ws, first, second)
					x, y := enginetest.Guarded(t, s.InLen(), atStart), enginetest.Guarded(t, d.OutLen(), atStart)
					RunExpansion(ws, p, s.Batch, x, y)
					guardConv(t, ws, atStart)
					RunExpansion(ws, p, s.Batch, x, y)
				})
			}
		}
	}
}
