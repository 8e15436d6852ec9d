// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dense

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

func TestGemmStaysInBounds(t *testing.T) {
	for _, s := range [][3]int{{1, 1, 1}, {2, 3, 70}, {5, 9, 4}, {17, 33, 29}, {9, 250, 300}} {
		for _, atStart := range []bool{false, true} {
			m, n, k := s[0], s[1], s[2]
			ws := exectest.NewWorkspace(t, "", 1)
			a, b := enginetest.Guarded(t, m*k, atStart), enginetest.Guarded(t, k*n, atStart)
			c := enginetest.Guarded(t, m*n, atStart)
			for range 2 {
				Gemm(ws, m, n, k, RowMajor(a, k), RowMajor(b, n), c, n, false)
				Gemm(ws, m, n, k, RowMajor(a, m).T(), RowMajor(b, k).T(), c, n, true)
				Gemm(ws, m, n, k, RowMajor(a, k), RowMajor(b, k).T(), c, n, true)
				st := states.Of(ws)
				st.packed = enginetest.GuardedCopy(t, st.packed, atStart)
				exectest.GuardWorkers(t, ws, atStart)
			}
		}
	}
}
