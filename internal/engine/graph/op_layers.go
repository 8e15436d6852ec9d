// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/dense"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/norm"
)

var batchNormalizationOperator = &operator{
	minInputs: 5, maxInputs: 5, maxOutputs: 1,
	attributes: kinds{"epsilon": floatKind},
	infer: func(in *instruction) error {
		if err := in.wantFloats(-1); err != nil {
			return err
		}
		x := in.inputs[0].shape
		if len(x) < 2 {
			return in.node.Errorf("the input has %d dimensions; at least 2 are needed", len(x))
		}
		for i, v := range in.inputs[1:] {
			if !slices.Equal(v.shape, x[1:2]) {
				return in.node.Errorf("input %d has shape %v; it must have one number for each of %d channels", i+1, v.shape, x[1])
			}
		}
		return in.setOutput(0, Float32, x)
	},
	build: func(in *instruction) (run, error) {
		s, epsilon := in.planes(), in.floatAttr("epsilon", DefaultEpsilon)
		x, scale, bias, mean, variance, y := in.inputs[0], in.inputs[1], in.inputs[2], in.inputs[3], in.inputs[4], in.outputs[0]
		return func(m *machine) {
			norm.BatchInference(m.Workspace, s, m.floats(x), m.floats(scale), m.floats(bias), m.floats(mean), m.floats(variance), epsilon, m.floats(y))
		}, nil
	},
}

// softmaxAlong is Softmax, or LogSoftmax.
func softmaxAlong(logarithm bool) *operator {
	return &operator{
		minInputs: 1, maxInputs: 1, maxOutputs: 1,
		attributes: kinds{"axis": intKind},
		infer: func(in *instruction) error {
			if err := in.wantFloats(-1); err != nil {
				return err
			}
			if _, err := axis(in.intAttr("axis", -1), len(in.inputs[0].shape)); err != nil {
				return in.node.AttributeErrorf("axis", "%w", err)
			}
			return in.setOutput(0, Float32, in.inputs[0].shape)
		},
		build: func(in *instruction) (run, error) {
			x, y := in.inputs[0], in.outputs[0]
			at, err := axis(in.intAttr("axis", -1), len(x.shape))
			if err != nil {
				return nil, err
			}
			outer, inner := 1, 1
			for _, d := range x.shape[:at] {
				outer *= d
			}
			for _, d := range x.shape[at+1:] {
				inner *= d
			}
			classes := x.shape[at]
			return func(m *machine) {
				elem.Softmax(m.Workspace, outer, classes, inner, m.floats(x), m.floats(y), logarithm)
			}, nil
		},
	}
}

var gemmOperator = &operator{
	minInputs: 2, maxInputs: 3, maxOutputs: 1, heavy: true,
	attributes: kinds{"alpha": floatKind, "beta": floatKind, "transA": intKind, "transB": intKind},
	infer: func(in *instruction) error {
		p, err := in.product()
		if err != nil {
			return err
		}
		return in.setOutput(0, Float32, []int{p.m, p.n})
	},
	build: buildGemm,
}

// product is the shape of Gemm: an m×k matrix times a k×n matrix.
type product struct {
	m, n, k        int
	transA, transB bool
}

func (in *instruction) product() (product, error) {
	var p product
	if err := in.wantFloats(-1); err != nil {
		return p, err
	}
	for i := range 2 {
		if err := in.wantRank(i, 2); err != nil {
			return p, err
		}
	}
	a, b := slices.Clone(in.inputs[0].shape), slices.Clone(in.inputs[1].shape)
	p.transA, p.transB = in.intAttr("transA", 0) != 0, in.intAttr("transB", 0) != 0
	if p.transA {
		slices.Reverse(a)
	}
	if p.transB {
		slices.Reverse(b)
	}
	if a[1] != b[0] {
		return p, in.node.Errorf("matrices of shapes %v and %v cannot be multiplied", a, b)
	}
	p.m, p.k, p.n = a[0], a[1], b[1]
	if c := in.input(2); c != nil {
		if shape, err := elem.BroadcastShape(c.shape, []int{p.m, p.n}); err != nil || len(shape) != 2 || shape[0] != p.m || shape[1] != p.n {
			return p, in.node.Errorf("input 2 of shape %v does not broadcast to %v", c.shape, []int{p.m, p.n})
		}
	}
	return p, nil
}

func buildGemm(in *instruction) (run, error) {
	p, err := in.product()
	if err != nil {
		return nil, err
	}
	alpha, beta := in.floatAttr("alpha", 1), in.floatAttr("beta", 1)
	a, b, c, y := in.input(0), in.input(1), in.input(2), in.outputs[0]
	if beta == 0 {
		c = nil
	}
	// α·A·B + β·C = β·(α/β·A·B + C), which needs no memory for β·C.
	scale := alpha
	if c != nil {
		scale = alpha / beta
	}
	activation := in.activation()
	return func(m *machine) {
		out := m.floats(y)
		left, right := dense.RowMajor(m.floats(a), p.k), dense.RowMajor(m.floats(b), p.n)
		if p.transA {
			left = dense.RowMajor(m.floats(a), p.m).T()
		}
		if p.transB {
			right = dense.RowMajor(m.floats(b), p.k).T()
		}
		dense.Gemm(m.Workspace, p.m, p.n, p.k, left, right, out, p.n, false)
		if scale != 1 {
			elem.Apply(m.Workspace, elem.Affine, scale, 0, out, out)
		}
		if c != nil {
			elem.Combine(m.Workspace, elem.Add, y.shape, out, c.shape, m.floats(c), out)
			if beta != 1 {
				elem.Apply(m.Workspace, elem.Affine, beta, 0, out, out)
			}
		}
		activation.apply(m, y)
	}, nil
}

// activation is an elementwise function that an instruction applies to its output, where the compiler has fused one.
type activation struct {
	set         bool
	op          elem.Unary
	alpha, beta float32
}

// activation is the fused function, if any.
func (in *instruction) activation() activation { return in.node.fused.activation }

// apply applies the function in place.
func (a activation) apply(m *machine, y *value) {
	if a.set {
		elem.Apply(m.Workspace, a.op, a.alpha, a.beta, m.floats(y), m.floats(y))
	}
}
