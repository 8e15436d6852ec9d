// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

// quadratic is the gradient of w₀²/2 + w₁²: it differs from step to step, so that the moments matter.
func quadratic(w []float32) []float32 { return []float32{w[0], 2 * w[1]} }

// The constants are float64 evaluations of the formulas of torch.optim.SGD and Adam, three steps from (1, -2).
func TestUpdates(t *testing.T) {
	for name, tc := range map[string]struct {
		step func(ws *exec.Workspace, step int, w, g, a, b []float32)
		want []float32
	}{
		"plain": {func(ws *exec.Workspace, _ int, w, g, _, _ []float32) {
			UpdateSGD(ws, SGD{LearningRate: 0.1}, w, g, nil)
		}, []float32{0.729, -1.024}},
		"momentum and decay": {func(ws *exec.Workspace, _ int, w, g, a, _ []float32) {
			UpdateSGD(ws, SGD{LearningRate: 0.1, Momentum: 0.9, WeightDecay: 0.01}, w, g, a)
		}, []float32{0.481324499, -0.116388398}},
		"Nesterov": {func(ws *exec.Workspace, _ int, w, g, a, _ []float32) {
			UpdateSGD(ws, SGD{LearningRate: 0.1, Momentum: 0.9, Nesterov: true}, w, g, a)
		}, []float32{0.327321, 0.216704}},
		"Adam": {func(ws *exec.Workspace, step int, w, g, a, b []float32) {
			UpdateAdam(ws, Adam{LearningRate: 0.1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01, Step: step}, w, g, a, b)
		}, []float32{0.701586274, -1.70062339}},
		"AdamW": {func(ws *exec.Workspace, step int, w, g, a, b []float32) {
			UpdateAdam(ws, Adam{LearningRate: 0.1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01, Decoupled: true, Step: step}, w, g, a, b)
		}, []float32{0.698911185, -1.69494451}},
	} {
		t.Run(name, func(t *testing.T) {
			ws := exectest.NewWorkspace(t, "", 1)
			w, a, b := []float32{1, -2}, make([]float32, 2), make([]float32, 2)
			for step := 1; step <= 3; step++ {
				tc.step(ws, step, w, quadratic(w), a, b)
			}
			enginetest.ExpectClose(t, "w", w, tc.want, 1e-6)
		})
	}
}
