// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
)

// newConvPool returns a block with random parameters.
func newConvPool(s ConvShape) *ConvNormReLUPool {
	perChannel := func(seed uint64) []float32 { return enginetest.RandomSlice(s.OutChannels, seed) }
	p := &ConvNormReLUPool{
		Shape: s, Weight: enginetest.RandomSlice(s.WeightLen(), 1), Gamma: perChannel(2), Beta: perChannel(3), Epsilon: 1e-5, Momentum: 0.1,
		RunningMean: perChannel(4), RunningVar: make([]float32, s.OutChannels),
		Mean: perChannel(0), InvStd: perChannel(0),
	}
	p.Gamma[0] = 0 // a channel that ends in its shift
	p.Choice, p.Moments = make([]uint16, p.Output().ChoiceLen()), make([]float64, p.MomentsLen())
	for c := range p.RunningVar {
		p.RunningVar[c] = 1 + float32(c)
	}
	return p
}

// The block in one must agree with its layers one after another.
func TestConvNormReLUPool(t *testing.T) {
	for name, s := range patchShapes {
		t.Run(name, func(t *testing.T) {
			forEachSet(t, func(t *testing.T, ws *Workspace) {
				if !ws.FusesConvPool(s) {
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

func checkConvPool(t *testing.T, ws *Workspace, s ConvShape) {
	reference := newWorkspace(t, "portable", 1)
	got, want := newConvPool(s), newConvPool(s)
	images := got.Output()
	x, dpooled := enginetest.RandomSlice(s.InLen(), 5), enginetest.RandomSlice(images.PooledLen(), 6)
	for i := range x {
		x[i] = 3 + x[i]/2 // images are not centred
	}
	y, pooled, wantPooled := make([]float32, images.Len()), make([]float32, images.PooledLen()), make([]float32, images.PooledLen())

	reference.Conv2D(s, x, want.Weight, nil, y)
	reference.NormReLUPoolInference(images, y, want.Gamma, want.Beta, want.RunningMean, want.RunningVar, want.Epsilon, wantPooled)
	ws.ConvNormReLUPoolInference(got, x, pooled)
	enginetest.ExpectClose(t, "inference", pooled, wantPooled, 1e-4)

	reference.NormReLUPoolTraining(images, y, want.Gamma, want.Beta, want.Epsilon, want.Momentum, wantPooled, want.Choice,
		want.Mean, want.InvStd, want.RunningMean, want.RunningVar)
	ws.ConvNormReLUPoolTraining(got, x, pooled)
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
	reference.NormReLUPoolBackward(images, y, dpooled, want.Choice, want.Gamma, want.Mean, want.InvStd, wantDGamma, wantDBeta)
	reference.Conv2DBackwardWeights(s, x, y, wantDW, nil)
	ws.ConvNormReLUPoolBackward(got, x, dpooled, dw, dgamma, dbeta)
	enginetest.ExpectClose(t, "dbeta", dbeta, wantDBeta, 1e-4)
	enginetest.ExpectClose(t, "dgamma", dgamma, wantDGamma, 1e-4)
	enginetest.ExpectClose(t, "dw", dw, wantDW, 1e-4)
}

// conv-norm-relu-pool must say which shapes it takes.
func TestFusesConvPool(t *testing.T) {
	ws := newWorkspace(t, "", 1)
	if ws.Set() == "portable" {
		t.Skip("the portable set has no such loops")
	}
	for name, change := range map[string]func(*ConvShape){
		"":              func(*ConvShape) {},
		"many channels": func(s *ConvShape) { s.InChannels = patchChannels + 1 },
		"stride":        func(s *ConvShape) { s.StrideH = 2 },
		"narrow":        func(s *ConvShape) { s.InWidth = 7 },
		"one row":       func(s *ConvShape) { s.InHeight = 1 },
		"3 outputs":     func(s *ConvShape) { s.OutChannels = 3 },
	} {
		s := patchShapes["photographs"]
		change(&s)
		if got, want := ws.FusesConvPool(s), name == ""; got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}
