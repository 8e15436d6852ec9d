// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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

func TestFusedLayersAgree(t *testing.T) {
	ws := newWorkspace(t)
	plain, layers := block(NewMaxPool2D("pool", 2, 2)), block(NewMaxPool2D("pool", 2, 2))
	fused := Fuse(layers)
	if len(fused) != 2 {
		t.Fatalf("%d steps, want the convolution and one for the rest", len(fused))
	}
	forward := func(layers []Layer, training bool) *Tensor {
		x := randomTensor(1, 3, 2, 10, 12)
		for _, l := range layers {
			x = l.Forward(ws, x, training)
		}
		return x.Clone()
	}
	backward := func(layers []Layer) *Tensor {
		dy := randomTensor(2, 3, 4, 5, 6)
		for i := len(layers) - 1; i >= 0; i-- {
			dy = layers[i].Backward(ws, dy, true)
		}
		return dy
	}
	near := cmpopts.EquateApprox(1e-4, 1e-5)
	if diff := cmp.Diff(forward(plain, true), forward(fused, true), near); diff != "" {
		t.Errorf("training output (-plain +fused):\n%s", diff)
	}
	if diff := cmp.Diff(backward(plain), backward(fused), near); diff != "" {
		t.Errorf("input gradient (-plain +fused):\n%s", diff)
	}
	for i, l := range plain {
		if diff := cmp.Diff(l.Params(), layers[i].Params(), near); diff != "" {
			t.Errorf("%s: parameters (-plain +fused):\n%s", l.Name(), diff)
		}
		if diff := cmp.Diff(l.Buffers(), layers[i].Buffers(), near); diff != "" {
			t.Errorf("%s: running statistics (-plain +fused):\n%s", l.Name(), diff)
		}
	}
	if diff := cmp.Diff(forward(plain, false), forward(fused, false), near); diff != "" {
		t.Errorf("inference output (-plain +fused):\n%s", diff)
	}
	shape, err := fused[1].OutputShape([]int{3, 4, 10, 12})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{3, 4, 5, 6}, shape); diff != "" {
		t.Error(diff)
	}
	if _, err := fused[1].OutputShape([]int{3, 5, 10, 12}); err == nil {
		t.Error("another number of channels was accepted")
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
