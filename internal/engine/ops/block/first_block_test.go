// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// newConvPool returns a block with random parameters.
func newConvPool(s tensor.ConvShape) *First {
	perChannel := func(seed uint64) []float32 { return enginetest.RandomSlice(s.OutChannels, seed) }
	p := &First{
		Shape: s, Weight: enginetest.RandomSlice(s.WeightLen(), 1), Gamma: perChannel(2), Beta: perChannel(3), Epsilon: 1e-5, Momentum: 0.1,
		RunningMean: perChannel(4), RunningVar: make([]float32, s.OutChannels),
		Mean: perChannel(0), InvStd: perChannel(0),
	}
	p.Gamma[0] = 0 // a channel that ends in its shift
	p.Choice, p.Moments = make([]uint16, ChoiceLen(p.Output())), make([]float64, p.MomentsLen())
	for c := range p.RunningVar {
		p.RunningVar[c] = 1 + float32(c)
	}
	return p
}

// The block in one must agree with its layers one after another.
func TestConvNormReLUPool(t *testing.T) {
	for name, s := range patchShapes {
		t.Run(name, func(t *testing.T) {
			exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
				if !FusesFirst(ws, s) {
					if ws.Set() != "portable" {
						t.Errorf("%s does not compute it", ws.Set())
					}
					return
				}
				checkConvPool(t, ws, s)
			})
		})
	}
}

func checkConvPool(t *testing.T, ws *exec.Workspace, s tensor.ConvShape) {
	reference := exectest.NewWorkspace(t, "portable", 1)
	got, want := newConvPool(s), newConvPool(s)
	images := got.Output()
	x, dpooled := enginetest.RandomSlice(s.InLen(), 5), enginetest.RandomSlice(images.PooledLen(), 6)
	for i := range x {
		x[i] = 3 + x[i]/2 // images are not centerd
	}
	y, pooled, wantPooled := make([]float32, images.Len()), make([]float32, images.PooledLen()), make([]float32, images.PooledLen())

	conv.Forward(reference, s, x, want.Weight, nil, y)
	NormReLUPoolInference(reference, images, y, want.Gamma, want.Beta, want.RunningMean, want.RunningVar, want.Epsilon, wantPooled)
	got.Inference(ws, x, pooled)
	enginetest.ExpectClose(t, "inference", pooled, wantPooled, 1e-4)

	NormReLUPoolTraining(reference, images, y, want.Gamma, want.Beta, want.Epsilon, want.Momentum, wantPooled, want.Choice,
		want.Mean, want.InvStd, want.RunningMean, want.RunningVar)
	got.Training(ws, x, pooled)
	enginetest.ExpectClose(t, "pooled", pooled, wantPooled, 1e-4)
	enginetest.ExpectClose(t, "mean", got.Mean, want.Mean, 1e-5)
	enginetest.ExpectClose(t, "1/deviation", got.InvStd, want.InvStd, 1e-5)
	enginetest.ExpectClose(t, "running mean", got.RunningMean, want.RunningMean, 1e-5)
	enginetest.ExpectClose(t, "running variance", got.RunningVar, want.RunningVar, 1e-5)

	gradients := func() (dw, dgamma, dbeta []float32) {
		return make([]float32, s.WeightLen()), make([]float32, s.OutChannels), make([]float32, s.OutChannels)
	}
	dw, dgamma, dbeta := gradients()
	wantDW, wantDGamma, wantDBeta := gradients()
	NormReLUPoolBackward(reference, images, y, dpooled, want.Choice, want.Gamma, want.Mean, want.InvStd, wantDGamma, wantDBeta)
	conv.BackwardWeights(reference, s, x, y, wantDW, nil)
	got.Backward(ws, x, dpooled, dw, dgamma, dbeta)
	enginetest.ExpectClose(t, "dbeta", dbeta, wantDBeta, 1e-4)
	enginetest.ExpectClose(t, "dgamma", dgamma, wantDGamma, 1e-4)
	enginetest.ExpectClose(t, "dw", dw, wantDW, 1e-4)
}

// conv-norm-relu-pool must say which shapes it takes.
func TestFusesFirst(t *testing.T) {
	ws := exectest.NewWorkspace(t, "", 1)
	if ws.Set() == "portable" {
		t.Skip("the portable set has no such loops")
	}
	for name, change := range map[string]func(*tensor.ConvShape){
		"":              func(*tensor.ConvShape) {},
		"many channels": func(s *tensor.ConvShape) { s.InChannels = patchChannels + 1 },
		"stride":        func(s *tensor.ConvShape) { s.StrideH = 2 },
		"narrow":        func(s *tensor.ConvShape) { s.InWidth = 7 },
		"one row":       func(s *tensor.ConvShape) { s.InHeight = 1 },
		"3 outputs":     func(s *tensor.ConvShape) { s.OutChannels = 3 },
	} {
		s := patchShapes["photographs"]
		change(&s)
		if got, want := FusesFirst(ws, s), name == ""; got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}
