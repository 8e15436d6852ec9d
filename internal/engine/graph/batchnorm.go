// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"slices"
)

// Convolution are the constants of a convolution, as far as they are constants.
type Convolution struct {
	// Weights are [channels][…]; nil or of another type, they are no constant to compute with.
	Weights *Tensor
	// Bias is one number a channel, if the convolution has one.
	Bias    *Tensor
	HasBias bool
}

// BatchNormalization are the parameters of ONNX's BatchNormalization, one number a channel except Epsilon. Those that are
// no constants are nil.
type BatchNormalization struct {
	Scale, Shift, Mean, Variance *Tensor
	Epsilon                      float32
}

// DefaultEpsilon is the standard's for normalizations.
const DefaultEpsilon = 1e-5

// With returns the weights and the bias of a convolution that does what c and the batch normalization after it do, or nil
// if not all are constants of fitting shapes. With s = scale/√(variance+ε) they are w' = s·w and b' = s·(b-mean) + shift.
//
// This is the one place that folds: the engine's compiler and the quantizer, which rewrites files, both ask it.
func (c Convolution) With(n BatchNormalization) (weights, bias *Tensor) {
	if w := c.Weights; w == nil || w.DType != Float32 || len(w.Shape) != 4 || w.Shape[0] == 0 {
		return nil, nil
	}
	channels := c.Weights.Shape[0]
	parameters := []*Tensor{n.Scale, n.Shift, n.Mean, n.Variance}
	if c.HasBias {
		parameters = append(parameters, c.Bias)
	}
	for _, t := range parameters {
		if t == nil || t.DType != Float32 || len(t.Floats) != channels {
			return nil, nil
		}
	}
	weights = NewFloats(slices.Clone(c.Weights.Floats), c.Weights.Shape...)
	bias = NewFloats(make([]float32, channels), channels)
	if c.HasBias {
		copy(bias.Floats, c.Bias.Floats)
	}
	filter := len(weights.Floats) / channels
	for k := range channels {
		s := float64(n.Scale.Floats[k]) / math.Sqrt(float64(n.Variance.Floats[k])+float64(n.Epsilon))
		for i := range filter {
			weights.Floats[k*filter+i] = float32(float64(weights.Floats[k*filter+i]) * s)
		}
		bias.Floats[k] = float32((float64(bias.Floats[k])-float64(n.Mean.Floats[k]))*s + float64(n.Shift.Floats[k]))
	}
	return weights, bias
}
