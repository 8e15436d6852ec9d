// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

func TestNew(t *testing.T) {
	for name, tc := range map[string]struct {
		options Options
		env     string
		wantSet string
		want    string
	}{
		"best set":         {Options{}, "", kernels.Names()[0], ""},
		"from environment": {Options{}, "portable", "portable", ""},
		"option wins":      {Options{Set: "portable"}, "nonsense", "portable", ""},
		"unknown set":      {Options{}, "nonsense", "", `kernel set "nonsense" is unknown`},
		"negative threads": {Options{Threads: -1}, "", "", "threads is -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(kernels.EnvironmentVariable, tc.env)
			ws, err := New(tc.options)
			enginetest.ExpectError(t, err, tc.want)
			if err == nil && ws.Set() != tc.wantSet {
				t.Errorf("set is %s, want %s", ws.Set(), tc.wantSet)
			}
		})
	}
}

// everything runs all operations that share work over threads and returns their results, joined.
func everything(ws *Workspace) []float32 {
	var results []float32
	for _, name := range []string{"first layer", "middle layer", "wide", "narrow", "grouped", "depthwise whole", "depthwise strided", "depthwise halved", "depthwise narrow", "pointwise deep", "deep strided", "deep narrow", "stem", "many bands", "images in a band", "many channels", "tiles of images"} {
		s := convShapes[name]
		x, w, dy := enginetest.RandomSlice(s.InLen(), 1), enginetest.RandomSlice(s.WeightLen(), 2), enginetest.RandomSlice(s.OutLen(), 3)
		y, dx, dw, db := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w)), make([]float32, s.OutChannels)
		ws.Conv2D(s, x, w, db, y)
		ws.Conv2DBackwardData(s, dy, w, dx)
		ws.Conv2DBackwardWeights(s, x, dy, dw, db)
		results = slices.Concat(results, y, dx, dw, db)
	}
	for _, s := range []ConvShape{patchShapes["odd"], patchShapes["many bands"]} {
		if p := newConvPool(s); ws.FusesConvPool(s) {
			x, pooled := enginetest.RandomSlice(s.InLen(), 1), make([]float32, p.Output().PooledLen())
			dw, dgamma, dbeta := make([]float32, s.WeightLen()), make([]float32, s.OutChannels), make([]float32, s.OutChannels)
			ws.ConvNormReLUPoolTraining(p, x, pooled)
			ws.ConvNormReLUPoolBackward(p, x, pooled, dw, dgamma, dbeta)
			results = slices.Concat(results, pooled, p.Mean, p.InvStd, p.RunningMean, p.RunningVar, dw, dgamma, dbeta)
			ws.ConvNormReLUPoolInference(p, x, pooled)
			results = slices.Concat(results, pooled)
		}
	}
	n := NormShape{Batch: 5, Channels: 7, Plane: 1100}
	x, dy := enginetest.RandomSlice(n.Len(), 4), enginetest.RandomSlice(n.Len(), 5)
	y, dx := make([]float32, n.Len()), make([]float32, n.Len())
	var channel [7][]float32
	for i := range channel {
		channel[i] = enginetest.RandomSlice(n.Channels, uint64(6+i))
	}
	ws.BatchNormTraining(n, x, channel[0], channel[1], 1e-5, 0.1, y, channel[2], channel[3], channel[4], channel[5])
	ws.BatchNormBackward(n, x, dy, channel[0], channel[2], channel[3], dx, channel[6], channel[1])
	results = slices.Concat(results, y, dx, channel[2], channel[3], channel[4], channel[5], channel[6], channel[1])
	images := ImageShape{Batch: 5, Channels: 7, Height: 22, Width: 50}
	pooled, choice := make([]float32, images.PooledLen()), make([]uint16, images.ChoiceLen())
	ws.NormReLUPoolTraining(images, x, channel[0], channel[1], 1e-5, 0.1, pooled, choice, channel[2], channel[3], channel[4], channel[5])
	ws.NormReLUPoolBackward(images, x, pooled, choice, channel[0], channel[2], channel[3], channel[6], channel[1])
	results = slices.Concat(results, pooled, x, channel[2], channel[3], channel[6], channel[1])
	ws.ReLUPool(images, x, pooled, choice)
	ws.ReLUPoolBackward(images, pooled, choice, dx)
	results = slices.Concat(results, pooled, dx)
	c := make([]float32, 50*40)
	ws.Gemm(50, 40, 700, RowMajor(x, 700), RowMajor(dy, 40), c, 40, false)
	results = append(results, c...)
	ws.Dropout(1, 2, 0.5, x, y)
	ws.UpdateAdam(Adam{LearningRate: 0.1, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8, Step: 1}, x, dy, y, make([]float32, len(x)))
	return slices.Concat(results, x, y, dx)
}

func TestThreadsDoNotChangeResults(t *testing.T) {
	for _, set := range kernels.Names() {
		t.Run(set, func(t *testing.T) {
			want := everything(newWorkspace(t, set, 1))
			for _, threads := range []int{2, 3, 8} {
				if got := everything(newWorkspace(t, set, threads)); !slices.Equal(got, want) {
					t.Errorf("%d threads give other bits than one", threads)
				}
			}
		})
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	forEachSet(t, func(t *testing.T, ws *Workspace) {
		s := convShapes["middle layer"]
		x, w, dy := enginetest.RandomSlice(s.InLen(), 1), enginetest.RandomSlice(s.WeightLen(), 2), enginetest.RandomSlice(s.OutLen(), 3)
		n := NormShape{Batch: s.Batch, Channels: s.OutChannels, Plane: s.outPlane()}
		a, b, c, d := enginetest.RandomSlice(n.Channels, 4), enginetest.RandomSlice(n.Channels, 5), enginetest.RandomSlice(n.Channels, 6), enginetest.RandomSlice(n.Channels, 7)
		shapeA, shapeB := []int{30}, []int{1}
		block := newConvPool(patchShapes["odd"])
		image := enginetest.RandomSlice(block.Shape.InLen(), 8)
		allocations := testing.AllocsPerRun(5, func() {
			ws.Conv2D(s, x, w, a, dy)
			ws.BatchNormTraining(n, dy, a, b, 1e-5, 0.1, dy, c, d, a, b)
			ws.Conv2DBackwardWeights(s, x, dy, w, nil)
			ws.Conv2DBackwardData(s, dy, w, x)
			if ws.FusesConvPool(block.Shape) {
				ws.ConvNormReLUPoolTraining(block, image, dy)
				ws.ConvNormReLUPoolBackward(block, image, dy, w, a, b)
			}
			ws.Gemm(30, 20, 10, RowMajor(x, 10), RowMajor(w, 20), dy, 20, true)
			ws.Unary(ReLU, 0, 0, x, x)
			ws.Binary(Add, shapeA, x, shapeB, w, x)
		})
		if allocations != 0 {
			t.Errorf("%v allocations a step, want 0", allocations)
		}
	})
}
