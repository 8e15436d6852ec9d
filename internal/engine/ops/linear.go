// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

// Linear computes y = x·Wᵀ + bias: x is [batch, in], w [out, in], bias [out] or nil, y [batch, out].
func (ws *Workspace) Linear(batch, in, out int, x, w, bias, y []float32) {
	checkLength("linear", "y", y, batch*out)
	if bias != nil {
		for i := range batch {
			copy(y[i*out:][:out], bias[:out])
		}
	}
	ws.Gemm(batch, out, in, RowMajor(x, in), RowMajor(w, in).T(), y, out, bias != nil)
}

// LinearBackwardData computes dx = dy·W. dx is overwritten.
func (ws *Workspace) LinearBackwardData(batch, in, out int, dy, w, dx []float32) {
	ws.Gemm(batch, in, out, RowMajor(dy, out), RowMajor(w, in), dx, in, false)
}

// LinearBackwardWeights computes dw = dyᵀ·x and, unless dbias is nil, dbias = Σ dy over the batch. Both are overwritten.
func (ws *Workspace) LinearBackwardWeights(batch, in, out int, x, dy, dw, dbias []float32) {
	ws.Gemm(out, in, batch, RowMajor(dy, out).T(), RowMajor(x, in), dw, in, false)
	if dbias == nil {
		return
	}
	checkLength("linear backward weights", "dbias", dbias, out)
	clear(dbias[:out])
	for i := range batch {
		for j, v := range dy[i*out:][:out] {
			dbias[j] += v
		}
	}
}
