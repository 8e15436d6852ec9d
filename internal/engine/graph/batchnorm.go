// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"slices"
)

// convolution are the constants of a convolution, as far as they are constants.
type convolution struct {
	// weights are [channels][…]; nil or of another type, they are no constant to compute with.
	weights *Tensor
	// bias is one number a channel, if the convolution has one.
	bias    *Tensor
	hasBias bool
}

// batchNormalization are the parameters of ONNX's BatchNormalization, one number a channel except epsilon. Those that are
// no constants are nil.
type batchNormalization struct {
	scale, shift, mean, variance *Tensor
	epsilon                      float32
}

// NodeView is a node as folding sees it: one of a [Graph], which is compiled, or one of a file, which the quantizer rewrites.
type NodeView interface {
	// Operator is the operator's name in the ONNX standard's default domain.
	Operator() string
	// InputNames and OutputNames name values; an empty name is one left out.
	InputNames() []string
	OutputNames() []string
	// Constant is the content of the i-th input, or nil if that is left out or no constant.
	Constant(i int) *Tensor
	// Float is the attribute of that name, or what stands for it.
	Float(name string, byDefault float32) float32
}

// NormalizedConvolution returns the weights and the bias of a convolution with the batch normalization that reads it folded in,
// or nil if the two are none, or their parameters are not constants of fitting shapes. Nothing but next may read conv.
//
// This is the one place that folds: the engine's compiler and the quantizer, which rewrites files, both ask it.
func NormalizedConvolution(conv, next NodeView) (weights, bias *Tensor) {
	if conv.Operator() != "Conv" || next.Operator() != "BatchNormalization" || len(next.OutputNames()) != 1 ||
		next.InputNames()[0] != conv.OutputNames()[0] {
		return nil, nil
	}
	return convolutionOf(conv).with(batchNormalization{
		scale: next.Constant(1), shift: next.Constant(2), mean: next.Constant(3), variance: next.Constant(4),
		epsilon: next.Float("epsilon", DefaultEpsilon),
	})
}

// convolutionOf are the constants of a Conv.
func convolutionOf(conv NodeView) convolution {
	const weights, bias = 1, 2
	inputs := conv.InputNames()
	return convolution{
		weights: conv.Constant(weights), bias: conv.Constant(bias), hasBias: bias < len(inputs) && inputs[bias] != "",
	}
}

// DefaultEpsilon is the standard's for normalizations.
const DefaultEpsilon = 1e-5

// with returns the weights and the bias of a convolution that does what c and the batch normalization after it do, or nil
// if not all are constants of fitting shapes. With s = scale/√(variance+ε) they are w' = s·w and b' = s·(b-mean) + shift.
func (c convolution) with(n batchNormalization) (weights, bias *Tensor) {
	if w := c.weights; w == nil || w.DType != Float32 || len(w.Shape) != 4 || w.Shape[0] == 0 {
		return nil, nil
	}
	channels := c.weights.Shape[0]
	parameters := []*Tensor{n.scale, n.shift, n.mean, n.variance}
	if c.hasBias {
		parameters = append(parameters, c.bias)
	}
	for _, t := range parameters {
		if t == nil || t.DType != Float32 || len(t.Floats) != channels {
			return nil, nil
		}
	}
	weights = NewFloats(slices.Clone(c.weights.Floats), c.weights.Shape...)
	bias = NewFloats(make([]float32, channels), channels)
	if c.hasBias {
		copy(bias.Floats, c.bias.Floats)
	}
	filter := len(weights.Floats) / channels
	for k := range channels {
		s := float64(n.scale.Floats[k]) / math.Sqrt(float64(n.variance.Floats[k])+float64(n.epsilon))
		for i := range filter {
			weights.Floats[k*filter+i] = float32(float64(weights.Floats[k*filter+i]) * s)
		}
		bias.Floats[k] = float32((float64(bias.Floats[k])-float64(n.mean.Floats[k]))*s + float64(n.shift.Floats[k]))
	}
	return weights, bias
}
