// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"testing"
	"unsafe"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

// guardBlock replaces the scratch memory that an operation has grown by guarded memory of the same size.
func guardBlock(t *testing.T, ws *exec.Workspace, atStart bool) {
	t.Helper()
	st := states.Of(ws)
	for _, s := range []*[]float32{&st.packed, &st.partial, &st.zeros} {
		*s = enginetest.GuardedCopy(t, *s, atStart)
	}
	exectest.GuardWorkers(t, ws, atStart)
}

func TestConvNormReLUPoolStaysInBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: takes long under the race detector")
	}
	for _, s := range patchShapes {
		for _, atStart := range []bool{false, true} {
			ws, p := exectest.NewWorkspace(t, "", 1), newConvPool(s)
			if !FusesFirst(ws, s) {
				continue
			}
			p.Weight = enginetest.GuardedCopy(t, p.Weight, atStart)
			words := enginetest.GuardedBytes(t, 2*len(p.Choice), atStart)
			p.Choice = unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(words))), len(p.Choice))
			x, pooled := enginetest.Guarded(t, s.InLen(), atStart), enginetest.Guarded(t, p.Output().PooledLen(), atStart)
			dw, dgamma, dbeta := enginetest.Guarded(t, s.WeightLen(), atStart), enginetest.Guarded(t, s.OutChannels, atStart), enginetest.Guarded(t, s.OutChannels, atStart)
			for range 2 {
				p.Training(ws, x, pooled)
				guardBlock(t, ws, atStart)
				p.Training(ws, x, pooled)
				p.Backward(ws, x, pooled, dw, dgamma, dbeta)
				guardBlock(t, ws, atStart)
			}
		}
	}
}
