// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dense

import (
	"fmt"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

func TestGemm(t *testing.T) {
	shapes := [][3]int{{1, 1, 1}, {3, 3, 1}, {4, 7, 5}, {17, 33, 29}, {64, 250, 300}, {5, 700, 2}, {100, 1, 513}, {2, 3, 0}, {2, 130, 77}, {1, 70, 1000}}
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for _, s := range shapes {
			for variant := range 8 {
				m, n, k := s[0], s[1], s[2]
				transA, transB, accumulate := variant&1 != 0, variant&2 != 0, variant&4 != 0
				t.Run(fmt.Sprintf("%dx%dx%d transA=%t transB=%t accumulate=%t", m, n, k, transA, transB, accumulate), func(t *testing.T) {
					a, b := RowMajor(enginetest.RandomSlice(m*k, 1), k), RowMajor(enginetest.RandomSlice(k*n, 2), n)
					if transA {
						a = RowMajor(a.Data, m).T()
					}
					if transB {
						b = RowMajor(b.Data, k).T()
					}
					ldc := n + 3
					c := enginetest.RandomSlice(m*ldc, 3)
					want := append([]float32(nil), c...)
					for i := range m {
						for j := range n {
							var sum float64
							for p := range k {
								sum += float64(a.Data[i*a.RowStride+p*a.ColStride]) * float64(b.Data[p*b.RowStride+j*b.ColStride])
							}
							if accumulate {
								sum += float64(want[i*ldc+j])
							}
							want[i*ldc+j] = float32(sum)
						}
					}
					Gemm(ws, m, n, k, a, b, c, ldc, accumulate)
					enginetest.ExpectClose(t, "C", c, want, 1e-4)
				})
			}
		}
	})
}

func TestGemmRejectsShortSlices(t *testing.T) {
	ws := exectest.NewWorkspace(t, "", 1)
	defer func() {
		if recover() == nil {
			t.Error("a short C did not panic")
		}
	}()
	Gemm(ws, 2, 2, 2, RowMajor(make([]float32, 4), 2), RowMajor(make([]float32, 4), 2), make([]float32, 3), 2, false)
}
