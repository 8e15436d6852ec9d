// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// convBlock returns a convolution from in to 4 channels, batch normalization, ReLU and max pooling with random parameters.
func convBlock(name string, in int, pool *MaxPool2D) []Layer {
	conv := NewConv2D(name+".conv", Conv2DConfig{InChannels: in, OutChannels: 4, Kernel: 3, Padding: 1})
	layers := []Layer{conv, NewBatchNorm2D(name+".norm", 4), NewReLU(name + ".relu"), pool}
	for i, l := range layers {
		for j, p := range l.Params() {
			copy(p.Value.Data, randomTensor(uint64(10*i+j), p.Value.Shape...).Data)
		}
	}
	return layers
}

// withoutNorm returns the layers except the batch normalization.
func withoutNorm(layers []Layer) []Layer { return append(layers[:1:1], layers[2:]...) }

func forwardAll(ws *exec.Workspace, layers []Layer, x *tensor.Tensor, training bool) *tensor.Tensor {
	for _, l := range layers {
		x = l.Forward(ws, x, training)
	}
	return x.Clone()
}

func backwardAll(ws *exec.Workspace, layers []Layer, dy *tensor.Tensor, wantInput bool) *tensor.Tensor {
	for i, l := range slices.Backward(layers) {
		dy = l.Backward(ws, dy, wantInput || i > 0)
	}
	if !wantInput {
		return nil // not all layers leave it out
	}
	return dy
}

func TestFusedLayersAgree(t *testing.T) {
	whole := func() []Layer { return convBlock("a", 3, NewMaxPool2D("pool", 2, 2)) }
	// The first block is in one with its convolution but where it is narrow; the second one never is.
	two := func() []Layer { return append(whole(), convBlock("b", 4, NewMaxPool2D("pool", 2, 2))...) }
	twoWithoutNorm := func() []Layer {
		return append(withoutNorm(whole()), withoutNorm(convBlock("b", 4, NewMaxPool2D("pool", 2, 2)))...)
	}
	for name, tc := range map[string]struct {
		layers        func() []Layer
		height, width int
		steps         int
	}{
		"first block":                   {whole, 18, 44, 1},
		"first block, odd":              {whole, 11, 35, 1},
		"first block, narrow":           {whole, 10, 6, 1},
		"two blocks":                    {two, 20, 40, 3},
		"two blocks, odd":               {two, 23, 47, 3},
		"two blocks, narrow":            {two, 10, 6, 3},
		"without normalization":         {twoWithoutNorm, 20, 40, 4},
		"without normalization, narrow": {twoWithoutNorm, 11, 5, 4},
	} {
		for _, wantInput := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/wantInput=%t", name, wantInput), func(t *testing.T) {
				plain, layers := tc.layers(), tc.layers()
				fused := Fuse(layers)
				if len(fused) != tc.steps {
					t.Errorf("%d steps, want %d", len(fused), tc.steps)
				}
				checkFused(t, plain, layers, fused, randomTensor(1, 3, 3, tc.height, tc.width), wantInput)
			})
		}
	}
}

// checkFused compares plain layers with the same ones once fused.
func checkFused(t *testing.T, plain, layers, fused []Layer, x *tensor.Tensor, wantInput bool) {
	ws := newWorkspace(t)
	near := cmpopts.EquateApprox(1e-4, 1e-5)
	compare := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got, near); diff != "" {
			t.Errorf("%s (-plain +fused):\n%s", what, diff)
		}
	}
	for range 2 { // a step must not depend on what the one before left
		y := forwardAll(ws, plain, x, true)
		compare("training output", y, forwardAll(ws, fused, x, true))
		dy := randomTensor(2, y.Shape...)
		compare("input gradient", backwardAll(ws, plain, dy, wantInput), backwardAll(ws, fused, dy, wantInput))
		for i, l := range plain {
			compare("parameters of "+l.Name(), l.Params(), layers[i].Params())
			compare("running statistics of "+l.Name(), l.Buffers(), layers[i].Buffers())
		}
		compare("inference output", forwardAll(ws, plain, x, false), forwardAll(ws, fused, x, false))
	}
	shape := x.Shape
	for _, step := range fused {
		var err error
		if shape, err = step.OutputShape(shape); err != nil {
			t.Fatal(err)
		}
		if _, err := step.OutputShape([]int{3, 4}); err == nil {
			t.Errorf("%s: a shape of two dimensions was accepted", step.Name())
		}
	}
	compare("output shape", forwardAll(ws, plain, x, false).Shape, shape)
	var params, fusedParams []*Param
	var buffers, fusedBuffers []*Buffer
	for _, l := range layers {
		params, buffers = append(params, l.Params()...), append(buffers, l.Buffers()...)
	}
	for _, step := range fused {
		fusedParams, fusedBuffers = append(fusedParams, step.Params()...), append(fusedBuffers, step.Buffers()...)
	}
	if !slices.Equal(params, fusedParams) || !slices.Equal(buffers, fusedBuffers) {
		t.Error("the steps have other parameters or buffers than the layers")
	}
}

func TestFuseLeavesOtherLayersAlone(t *testing.T) {
	for name, layers := range map[string][]Layer{
		"another window":     convBlock("a", 3, NewMaxPool2D("pool", 3, 2)),
		"no convolution":     convBlock("a", 3, NewMaxPool2D("pool", 2, 2))[1:],
		"no pooling":         convBlock("a", 3, NewMaxPool2D("pool", 2, 2))[:3],
		"convolutions alone": {NewConv2D("a", Conv2DConfig{InChannels: 3, OutChannels: 4, Kernel: 3}), NewConv2D("b", Conv2DConfig{InChannels: 4, OutChannels: 4, Kernel: 3})},
	} {
		if got := Fuse(layers); !slices.Equal(got, layers) {
			t.Errorf("%s: %d layers became %d others", name, len(layers), len(got))
		}
	}
}
