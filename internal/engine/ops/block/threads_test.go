// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

func TestConvPoolThreads(t *testing.T) {
	exectest.SameBits(t, func(ws *exec.Workspace) []float32 {
		var results []float32
		for _, s := range []tensor.ConvShape{patchShapes["odd"], patchShapes["many bands"]} {
			p := newConvPool(s)
			if !FusesFirst(ws, s) {
				continue
			}
			x, pooled := enginetest.RandomSlice(s.InLen(), 1), make([]float32, p.Output().PooledLen())
			dw, dgamma, dbeta := make([]float32, s.WeightLen()), make([]float32, s.OutChannels), make([]float32, s.OutChannels)
			p.Training(ws, x, pooled)
			p.Backward(ws, x, pooled, dw, dgamma, dbeta)
			results = slices.Concat(results, pooled, p.Mean, p.InvStd, p.RunningMean, p.RunningVar, dw, dgamma, dbeta)
			p.Inference(ws, x, pooled)
			results = slices.Concat(results, pooled)
		}
		return results
	})
}

func TestNormPoolThreads(t *testing.T) {
	exectest.SameBits(t, func(ws *exec.Workspace) []float32 {
		images := tensor.ImageShape{Batch: 5, Channels: 7, Height: 22, Width: 50}
		x, dx := enginetest.RandomSlice(images.Len(), 1), make([]float32, images.Len())
		var channel [6][]float32
		for i := range channel {
			channel[i] = enginetest.RandomSlice(images.Channels, uint64(2+i))
		}
		pooled, choice := make([]float32, images.PooledLen()), make([]uint16, ChoiceLen(images))
		NormReLUPoolTraining(ws, images, x, channel[0], channel[1], 1e-5, 0.1, pooled, choice, channel[2], channel[3], channel[4], channel[5])
		results := slices.Concat(pooled, channel[2], channel[3], channel[4], channel[5])
		NormReLUPoolBackward(ws, images, x, pooled, choice, channel[0], channel[2], channel[3], channel[4], channel[1])
		results = slices.Concat(results, x, channel[4], channel[1])
		ReLUPool(ws, images, x, pooled, choice)
		ReLUPoolBackward(ws, images, pooled, choice, dx)
		return slices.Concat(results, pooled, dx)
	})
}

func TestBlocksDoNotAllocate(t *testing.T) {
	s := patchShapes["odd"]
	x, dw := enginetest.RandomSlice(s.InLen(), 1), make([]float32, s.WeightLen())
	images := tensor.ImageShape{Batch: 2, Channels: 3, Height: 8, Width: 10}
	full := enginetest.RandomSlice(images.Len(), 2)
	pooled, choice := make([]float32, images.PooledLen()), make([]uint16, ChoiceLen(images))
	var channel [6][]float32
	for i := range channel {
		channel[i] = make([]float32, max(s.OutChannels, images.Channels))
	}
	block := newConvPool(s)
	blockPooled := make([]float32, block.Output().PooledLen())
	exectest.NoAllocations(t, func(ws *exec.Workspace) {
		if FusesFirst(ws, s) {
			block.Training(ws, x, blockPooled)
			block.Backward(ws, x, blockPooled, dw, channel[0], channel[1])
		}
		NormReLUPoolTraining(ws, images, full, channel[0], channel[1], 1e-5, 0.1, pooled, choice, channel[2], channel[3], channel[4], channel[5])
		NormReLUPoolBackward(ws, images, full, pooled, choice, channel[0], channel[2], channel[3], channel[4], channel[5])
		ReLUPool(ws, images, full, pooled, choice)
		ReLUPoolBackward(ws, images, pooled, choice, full)
	})
}
