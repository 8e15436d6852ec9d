// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package norm

import (
	"math"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

func TestBatchNorm(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for name, s := range map[string]tensor.NormShape{
			"small": {Batch: 2, Channels: 3, Plane: 5}, "large": {Batch: 3, Channels: 2, Plane: 3000}, "one pixel": {Batch: 4, Channels: 2, Plane: 1},
		} {
			t.Run(name, func(t *testing.T) { checkBatchNorm(t, ws, s) })
		}
	})
}

// checkBatchNorm compares both passes with their definitions in float64.
func checkBatchNorm(t *testing.T, ws *exec.Workspace, s tensor.NormShape) {
	const eps, momentum = 1e-5, 0.1
	x, dy := enginetest.RandomSlice(s.Len(), 1), enginetest.RandomSlice(s.Len(), 2)
	for i := range x {
		x[i] += 10 // a mean far from 0 shows cancellation
	}
	gamma, beta := enginetest.RandomSlice(s.Channels, 3), enginetest.RandomSlice(s.Channels, 4)
	runningMean, runningVar := enginetest.RandomSlice(s.Channels, 5), enginetest.RandomSlice(s.Channels, 6)
	y, dx := make([]float32, s.Len()), make([]float32, s.Len())
	mean, invStd := make([]float32, s.Channels), make([]float32, s.Channels)
	dgamma, dbeta := make([]float32, s.Channels), make([]float32, s.Channels)
	oldMean, oldVar := append([]float32(nil), runningMean...), append([]float32(nil), runningVar...)
	BatchTraining(ws, s, x, gamma, beta, eps, momentum, y, mean, invStd, runningMean, runningVar)
	BatchBackward(ws, s, x, dy, gamma, mean, invStd, dx, dgamma, dbeta)
	wantY, wantDX := make([]float32, s.Len()), make([]float32, s.Len())
	m := float64(s.Batch * s.Plane)
	for c := range s.Channels {
		each := func(f func(i int)) {
			for n := range s.Batch {
				for p := range s.Plane {
					f((n*s.Channels+c)*s.Plane + p)
				}
			}
		}
		var sum, squares, sumDY, dot float64
		each(func(i int) { sum += float64(x[i]) })
		mu := sum / m
		each(func(i int) { squares += (float64(x[i]) - mu) * (float64(x[i]) - mu) })
		inv := 1 / math.Sqrt(squares/m+eps)
		hat := func(i int) float64 { return (float64(x[i]) - mu) * inv }
		each(func(i int) {
			wantY[i] = float32(float64(gamma[c])*hat(i) + float64(beta[c]))
			sumDY += float64(dy[i])
			dot += float64(dy[i]) * hat(i)
		})
		each(func(i int) { wantDX[i] = float32(float64(gamma[c]) * inv * (float64(dy[i]) - sumDY/m - hat(i)*dot/m)) })
		enginetest.ExpectClose(t, "dgamma", dgamma[c:c+1], []float32{float32(dot)}, 1e-3)
		enginetest.ExpectClose(t, "dbeta", dbeta[c:c+1], []float32{float32(sumDY)}, 1e-4)
		enginetest.ExpectClose(t, "running mean", runningMean[c:c+1], []float32{float32(0.9*float64(oldMean[c]) + 0.1*mu)}, 1e-5)
		enginetest.ExpectClose(t, "running variance", runningVar[c:c+1], []float32{float32(0.9*float64(oldVar[c]) + 0.1*squares/(m-1))}, 1e-5)
	}
	enginetest.ExpectClose(t, "y", y, wantY, 5e-5)
	enginetest.ExpectClose(t, "dx", dx, wantDX, 1e-3)
}

// The constants are PyTorch's for nn.BatchNorm2d(1) in evaluation: (x-0.5)/√(4+1e-5)·3-1.
func TestBatchNormInference(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		y := make([]float32, 3)
		BatchInference(ws, tensor.NormShape{Batch: 1, Channels: 1, Plane: 3}, []float32{0.5, 2.5, -3.5},
			[]float32{3}, []float32{-1}, []float32{0.5}, []float32{4}, 1e-5, y)
		enginetest.ExpectClose(t, "y", y, []float32{-1, 1.9999962, -6.9999925}, 1e-6)
	})
}
