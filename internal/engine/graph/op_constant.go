// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"cmp"
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
)

// What follows works on constants only: it is what exporters compute shapes with.

// compareOperator compares constants elementwise.
func compareOperator(holds func(order int) bool) *operator {
	return &operator{
		minInputs: 2, maxInputs: 2, maxOutputs: 1,
		infer: func(in *instruction) error {
			if err := inferBroadcast(in); err != nil {
				return err
			}
			in.outputs[0].dtype = Bool
			return nil
		},
		fold: func(in *instruction) error {
			a, b, y := in.inputs[0], in.inputs[1], in.outputs[0]
			out := &Tensor{DType: Bool, Shape: y.shape, Ints: make([]int64, y.size())}
			if a.dtype == Float32 {
				compareAll(out.Ints, spread(a.constant.Floats, a.shape, y.shape), spread(b.constant.Floats, b.shape, y.shape), holds)
			} else {
				compareAll(out.Ints, spread(a.constant.Ints, a.shape, y.shape), spread(b.constant.Ints, b.shape, y.shape), holds)
			}
			return in.setConstant(0, out)
		},
	}
}

// compareAll sets out[i] to 1 where the order of a[i] and b[i] holds. Nothing holds of NaN.
func compareAll[T cmp.Ordered](out []int64, a, b []T, holds func(order int) bool) {
	for i := range out {
		if !isNaN(a[i]) && !isNaN(b[i]) && holds(cmp.Compare(a[i], b[i])) {
			out[i] = 1
		}
	}
}

// isNaN reports whether v is not a number.
func isNaN[T cmp.Ordered](v T) bool { return v != v } //nolint:gocritic // only NaN differs from itself

// logicOperator combines booleans.
func logicOperator(f func(a, b int64) int64) *operator {
	op := binaryOperator(0, false, func(a, b int64) (int64, bool) { return f(a, b) & 1, true })
	op.build = nil
	infer := op.infer
	op.infer = func(in *instruction) error {
		for i, x := range in.inputs {
			if x.dtype != Bool {
				return in.node.Errorf("input %d is %s; it must be bool", i, x.dtype)
			}
		}
		return infer(in)
	}
	return op
}

var notOperator = &operator{
	minInputs: 1, maxInputs: 1, maxOutputs: 1,
	infer: func(in *instruction) error {
		if x := in.inputs[0]; x.dtype != Bool {
			return in.node.Errorf("input 0 is %s; it must be bool", x.dtype)
		}
		return in.setOutput(0, Bool, in.inputs[0].shape)
	},
	fold: func(in *instruction) error {
		x := in.inputs[0].constant
		out := make([]int64, len(x.Ints))
		for i, v := range x.Ints {
			if v == 0 {
				out[i] = 1
			}
		}
		return in.setConstant(0, &Tensor{DType: Bool, Shape: x.Shape, Ints: out})
	},
}

var whereOperator = &operator{
	minInputs: 3, maxInputs: 3, maxOutputs: 1,
	infer: func(in *instruction) error {
		condition, a, b := in.inputs[0], in.inputs[1], in.inputs[2]
		if condition.dtype != Bool || a.dtype != b.dtype {
			return in.node.Errorf("inputs are %s, %s and %s; they must be bool and two of one type", condition.dtype, a.dtype, b.dtype)
		}
		shape, err := elem.BroadcastShape(a.shape, b.shape)
		if err != nil {
			return err
		}
		if shape, err = elem.BroadcastShape(shape, condition.shape); err != nil {
			return err
		}
		return in.setOutput(0, a.dtype, shape)
	},
	fold: func(in *instruction) error {
		condition, a, b, y := in.inputs[0], in.inputs[1], in.inputs[2], in.outputs[0]
		choice := spread(condition.constant.Ints, condition.shape, y.shape)
		out := &Tensor{DType: y.dtype, Shape: y.shape}
		if y.dtype == Float32 {
			out.Floats = choose(choice, spread(a.constant.Floats, a.shape, y.shape), spread(b.constant.Floats, b.shape, y.shape))
		} else {
			out.Ints = choose(choice, spread(a.constant.Ints, a.shape, y.shape), spread(b.constant.Ints, b.shape, y.shape))
		}
		return in.setConstant(0, out)
	},
}

// choose returns a where choice is set, with b elsewhere.
func choose[T any](choice []int64, a, b []T) []T {
	for i, c := range choice {
		if c == 0 {
			a[i] = b[i]
		}
	}
	return a
}

// rangeOperator counts from a start to before a limit.
var rangeOperator = &operator{
	minInputs: 3, maxInputs: 3, maxOutputs: 1,
	infer: func(in *instruction) error {
		var bounds [3]float64
		dtype := in.inputs[0].dtype
		for i := range bounds {
			t, err := in.constantInput(i)
			if err != nil {
				return err
			}
			if t.Len() != 1 || t.DType != dtype {
				return in.node.Errorf("input %d must be a single number of the first one's type", i)
			}
			if dtype == Float32 {
				bounds[i] = float64(t.Floats[0])
			} else {
				bounds[i] = float64(t.Ints[0])
			}
		}
		n := math.Ceil((bounds[1] - bounds[0]) / bounds[2])
		if !(n <= maxElements) { // also where the step is 0
			return in.node.Errorf("a range from %v to %v in steps of %v is too long", bounds[0], bounds[1], bounds[2])
		}
		return in.setOutput(0, dtype, []int{int(max(n, 0))})
	},
	fold: func(in *instruction) error {
		y := in.outputs[0]
		out := &Tensor{DType: y.dtype, Shape: y.shape}
		for i := range y.size() {
			if y.dtype == Float32 {
				out.Floats = append(out.Floats, in.inputs[0].constant.Floats[0]+float32(i)*in.inputs[2].constant.Floats[0])
			} else {
				out.Ints = append(out.Ints, in.inputs[0].constant.Ints[0]+int64(i)*in.inputs[2].constant.Ints[0])
			}
		}
		return in.setConstant(0, out)
	},
}

// modOperator is the remainder with the divisor's sign.
var modOperator = func() *operator {
	op := binaryOperator(0, false, moduloInts)
	op.attributes, op.build = kinds{"fmod": intKind}, nil
	infer := op.infer
	op.infer = func(in *instruction) error {
		if in.intAttr("fmod", 0) != 0 {
			return in.node.AttributeErrorf("fmod", "is not supported")
		}
		return infer(in)
	}
	return op
}()

// Integer arithmetic; the result is undefined, and an error, where ok is false.

func divideInts(a, b int64) (q int64, ok bool) {
	if b == 0 {
		return 0, false
	}
	return a / b, true
}

// moduloInts has the sign of b, as Python's % has.
func moduloInts(a, b int64) (r int64, ok bool) {
	if b == 0 {
		return 0, false
	}
	if r = a % b; r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r, true
}

// powerInts is a to the b-th.
func powerInts(a, b int64) (p int64, ok bool) {
	if b < 0 {
		return 0, false
	}
	p = 1
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			p *= a
		}
		a *= a
	}
	return p, true
}
