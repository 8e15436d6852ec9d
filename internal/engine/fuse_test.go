// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// block returns a convolution, batch normalisation, ReLU and max pooling with random parameters.
func block(pool *MaxPool2D) []Layer {
	layers := []Layer{NewConv2D("conv", Conv2DConfig{InChannels: 2, OutChannels: 4, Kernel: 3, Padding: 1}), NewBatchNorm2D("norm", 4), NewReLU("relu"), pool}
	for i, l := range layers {
		for j, p := range l.Params() {
			copy(p.Value.Data, randomTensor(uint64(10*i+j), p.Value.Shape...).Data)
		}
	}
	return layers
}

// withoutNorm returns the layers but for the batch normalisation.
func withoutNorm(layers []Layer) []Layer { return append(layers[:1:1], layers[2:]...) }

func forwardAll(ws *kernels.Workspace, layers []Layer, x *Tensor, training bool) *Tensor {
	for _, l := range layers {
		x = l.Forward(ws, x, training)
	}
	return x.Clone()
}

func backwardAll(ws *kernels.Workspace, layers []Layer, dy *Tensor) *Tensor {
	for _, l := range slices.Backward(layers) {
		dy = l.Backward(ws, dy, true)
	}
	return dy
}

func TestFusedLayersAgree(t *testing.T) {
	pool := func() *MaxPool2D { return NewMaxPool2D("pool", 2, 2) }
	for name, tc := range map[string]struct {
		plain, layers []Layer
		height, width int
	}{
		"with normalisation":            {block(pool()), block(pool()), 10, 12},
		"with normalisation, odd":       {block(pool()), block(pool()), 11, 19},
		"without normalisation":         {withoutNorm(block(pool())), withoutNorm(block(pool())), 10, 12},
		"without normalisation, narrow": {withoutNorm(block(pool())), withoutNorm(block(pool())), 5, 3},
	} {
		t.Run(name, func(t *testing.T) { checkFused(t, tc.plain, tc.layers, tc.height, tc.width) })
	}
}

// checkFused compares plain layers with the same ones once fused.
func checkFused(t *testing.T, plain, layers []Layer, height, width int) {
	ws := newWorkspace(t)
	fused := Fuse(layers)
	if len(fused) != 2 {
		t.Fatalf("%d steps, want the convolution and one for the rest", len(fused))
	}
	x, dy := randomTensor(1, 3, 2, height, width), randomTensor(2, 3, 4, height/2, width/2)
	near := cmpopts.EquateApprox(1e-4, 1e-5)
	compare := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got, near); diff != "" {
			t.Errorf("%s (-plain +fused):\n%s", what, diff)
		}
	}
	compare("training output", forwardAll(ws, plain, x, true), forwardAll(ws, fused, x, true))
	compare("input gradient", backwardAll(ws, plain, dy), backwardAll(ws, fused, dy))
	for i, l := range plain {
		compare("parameters of "+l.Name(), l.Params(), layers[i].Params())
		compare("running statistics of "+l.Name(), l.Buffers(), layers[i].Buffers())
	}
	compare("inference output", forwardAll(ws, plain, x, false), forwardAll(ws, fused, x, false))
	shape, err := fused[1].OutputShape([]int{3, 4, height, width})
	if err != nil {
		t.Fatal(err)
	}
	compare("output shape", []int{3, 4, height / 2, width / 2}, shape)
	if _, err := fused[1].OutputShape([]int{3, 4}); err == nil {
		t.Error("a shape of two dimensions was accepted")
	}
}

func TestFuseLeavesOtherLayersAlone(t *testing.T) {
	for name, layers := range map[string][]Layer{
		"another window": block(NewMaxPool2D("pool", 3, 2)),
		"no convolution": block(NewMaxPool2D("pool", 2, 2))[1:],
		"no pooling":     block(NewMaxPool2D("pool", 2, 2))[:3],
	} {
		if got := Fuse(layers); len(got) != len(layers) {
			t.Errorf("%s: %d layers became %d", name, len(layers), len(got))
		}
	}
}
