// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dense

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

// A linear layer and its gradients, by their definition.
func TestLinear(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for _, s := range [][3]int{{1, 7, 5}, {5, 33, 10}} {
			batch, in, out := s[0], s[1], s[2]
			x, w := enginetest.RandomSlice(batch*in, 1), enginetest.RandomSlice(out*in, 2)
			bias, dy := enginetest.RandomSlice(out, 3), enginetest.RandomSlice(batch*out, 4)
			wantY, wantDX := make([]float32, batch*out), make([]float32, batch*in)
			wantDW, wantDB := make([]float32, out*in), make([]float32, out)
			for i := range batch {
				for k := range out {
					wantY[i*out+k] = bias[k]
					wantDB[k] += dy[i*out+k]
					for j := range in {
						wantY[i*out+k] += x[i*in+j] * w[k*in+j]
						wantDX[i*in+j] += dy[i*out+k] * w[k*in+j]
						wantDW[k*in+j] += dy[i*out+k] * x[i*in+j]
					}
				}
			}
			y, dx := enginetest.RandomSlice(len(wantY), 5), enginetest.RandomSlice(len(wantDX), 6)
			dw, dbias := enginetest.RandomSlice(len(wantDW), 7), enginetest.RandomSlice(out, 8)
			Linear(ws, batch, in, out, x, w, bias, y)
			LinearBackwardData(ws, batch, in, out, dy, w, dx)
			LinearBackwardWeights(ws, batch, in, out, x, dy, dw, dbias)
			enginetest.ExpectClose(t, "y", y, wantY, 1e-4)
			enginetest.ExpectClose(t, "dx", dx, wantDX, 1e-4)
			enginetest.ExpectClose(t, "dw", dw, wantDW, 1e-4)
			enginetest.ExpectClose(t, "dbias", dbias, wantDB, 1e-4)
		}
	})
}
