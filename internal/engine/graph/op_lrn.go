// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// maxLRNChannels bounds the channels of LRN, whose window is applied as a matrix of channels × channels.
const maxLRNChannels = 4096

// lrnOperator is the local response normalization of AlexNet: y = x/(bias + alpha/size·Σx²)^beta, the sum being over size
// neighboring channels.
var lrnOperator = &operator{
	minInputs: 1, maxInputs: 1, maxOutputs: 1,
	attributes: kinds{"alpha": floatKind, "beta": floatKind, "bias": floatKind, "size": intKind},
	infer: func(in *instruction) error {
		if err := in.wantFloats(-1); err != nil {
			return err
		}
		x := in.inputs[0].shape
		if err := in.wantRank(0, 4); err != nil {
			return err
		}
		if slices.Contains(x, 0) || x[1] > maxLRNChannels {
			return in.node.Errorf("an input of shape %v is not supported", x)
		}
		if size := in.intAttr("size", 0); size < 1 {
			return in.node.AttributeErrorf("size", "is %d; it must be at least 1", size)
		}
		in.scratch = &value{dtype: Float32, shape: x}
		return in.setOutput(0, Float32, x)
	},
	build: func(in *instruction) (run, error) {
		x, y, scratch := in.inputs[0], in.outputs[0], in.scratch
		channels, size := x.shape[1], in.intAttr("size", 0)
		alpha := in.floatAttr("alpha", 1e-4) / float32(size)
		window, bias := make([]float32, channels*channels), slices.Repeat([]float32{in.floatAttr("bias", 1)}, channels)
		for c := range int64(channels) {
			for other := max(c-(size-1)/2, 0); other <= min(c+size/2, int64(channels)-1); other++ {
				window[c*int64(channels)+other] = alpha
			}
		}
		power := []float32{-in.floatAttr("beta", 0.75)}
		s := tensor.ConvShape{
			Batch: x.shape[0], InChannels: channels, InHeight: x.shape[2], InWidth: x.shape[3],
			OutChannels: channels, KernelH: 1, KernelW: 1,
		}
		return func(m *machine) {
			input, squares, out := m.floats(x), m.floats(scratch), m.floats(y)
			elem.Combine(m.Workspace, elem.Multiply, x.shape, input, x.shape, input, squares)
			conv.Forward(m.Workspace, s, squares, window, bias, out)
			elem.Combine(m.Workspace, elem.Power, y.shape, out, nil, power, out)
			elem.Combine(m.Workspace, elem.Multiply, y.shape, out, x.shape, input, out)
		}, nil
	},
}
