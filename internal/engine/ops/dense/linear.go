// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dense

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// Linear computes y = x·Wᵀ + bias: x is [batch, in], w [out, in], bias [out] or nil, y [batch, out].
func Linear(ws *exec.Workspace, batch, in, out int, x, w, bias, y []float32) {
	exec.CheckLength("linear", "y", y, batch*out)
	if bias != nil {
		for i := range batch {
			copy(y[i*out:][:out], bias[:out])
		}
	}
	Gemm(ws, batch, out, in, RowMajor(x, in), RowMajor(w, in).T(), y, out, bias != nil)
}

// LinearBackwardData computes dx = dy·W. dx is overwritten.
func LinearBackwardData(ws *exec.Workspace, batch, in, out int, dy, w, dx []float32) {
	Gemm(ws, batch, in, out, RowMajor(dy, out), RowMajor(w, in), dx, in, false)
}

// LinearBackwardWeights computes dw = dyᵀ·x and, unless dbias is nil, dbias = Σ dy over the batch. Both are overwritten.
func LinearBackwardWeights(ws *exec.Workspace, batch, in, out int, x, dy, dw, dbias []float32) {
	Gemm(ws, out, in, batch, RowMajor(dy, out).T(), RowMajor(x, in), dw, in, false)
	if dbias == nil {
		return
	}
	exec.CheckLength("linear backward weights", "dbias", dbias, out)
	clear(dbias[:out])
	for i := range batch {
		for j, v := range dy[i*out:][:out] {
			dbias[j] += v
		}
	}
}
