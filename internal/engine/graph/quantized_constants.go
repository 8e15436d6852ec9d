// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"slices"
)

// What fuseQuantized reads of a graph's constants: scales and zero points, weights and biases.

// ByteScale says what the bytes of a value stand for: (byte - Zero)·Scale. int8 is kept with 128 added.
type ByteScale struct {
	Scale float32
	Zero  uint8
}

// ScaleOf returns the scale that covers the numbers from low to high, which 0 is among, with 0 on a byte.
func ScaleOf(low, high float64) ByteScale {
	scale := float32((high - low) / math.MaxUint8)
	if !(scale > 1e-20) {
		return ByteScale{Scale: 1} // nothing but zeros
	}
	return ByteScale{Scale: scale, Zero: uint8(min(max(math.RoundToEven(-low/float64(scale)), 0), math.MaxUint8))}
}

// byteScale reads the scale and the zero point of QuantizeLinear or DequantizeLinear, if there is one of each for the whole
// value.
func (f *quantizedFuser) byteScale(n *Node) (ByteScale, bool) {
	if len(n.Inputs) < 2 {
		return ByteScale{}, false
	}
	t := f.g.Initializers[n.Inputs[1]]
	if t == nil || t.DType != Float32 || len(t.Floats) != 1 || !usableScale(t.Floats[0]) {
		return ByteScale{}, false
	}
	s := ByteScale{Scale: t.Floats[0]}
	if len(n.Inputs) < 3 || n.Inputs[2] == "" {
		return s, true // uint8, as the value's producer has to agree
	}
	zero := f.g.Initializers[n.Inputs[2]]
	switch {
	case zero == nil || len(zero.Ints) != 1:
		return ByteScale{}, false
	case zero.DType == Uint8:
		s.Zero = uint8(zero.Ints[0])
	case zero.DType == Int8:
		s.Zero = uint8(zero.Ints[0] + 128)
	default:
		return ByteScale{}, false
	}
	return s, true
}

// usableScale reports whether a scale is a positive number with which float32 can compute.
func usableScale(v float32) bool { return v >= 1e-30 && v <= 1e30 }

// transpose returns [outs][in] of [in][outs].
func transpose(w []int8, outs int) []int8 {
	t := make([]int8, len(w))
	for i, v := range w {
		t[i%outs*(len(w)/outs)+i/outs] = v
	}
	return t
}

// weights fills in what an input is dequantized from, if that is a constant of int8 without zero points, and returns the
// scale of each output channel, which lie along axis.
func (f *quantizedFuser) weights(q *quantizedNode, name string, rank, axis int) ([]float32, bool) {
	n := f.producers[name]
	if n == nil || n.Op != "DequantizeLinear" || !f.zeroPointIsZero(n) {
		return nil, false
	}
	w, scale := f.g.Initializers[n.Inputs[0]], f.g.Initializers[n.Inputs[1]]
	if w == nil || w.DType != Int8 || len(w.Shape) != rank || w.Len() == 0 || scale == nil || scale.DType != Float32 {
		return nil, false
	}
	scales, outs := scale.Floats, w.Shape[axis]
	along := n.intAttr("axis", 1)
	switch {
	case len(scales) == 1:
		scales = slices.Repeat(scales, outs)
	case len(scales) != outs || len(scale.Shape) != 1 || along != int64(axis) && along != int64(axis-rank):
		return nil, false
	}
	if slices.ContainsFunc(scales, func(v float32) bool { return !usableScale(v) }) || len(w.Ints)/outs > maxFilter {
		return nil, false
	}
	q.kernel, q.conv.Weights = slices.Clone(w.Shape), make([]int8, len(w.Ints))
	for i, v := range w.Ints {
		q.conv.Weights[i] = int8(v)
	}
	return scales, true
}

// maxFilter bounds the products of an output, so that their sum stays below 2³⁰.
const maxFilter = 1 << 15

// zeroPointIsZero reports whether a DequantizeLinear has no zero point but 0.
func (f *quantizedFuser) zeroPointIsZero(n *Node) bool {
	if len(n.Inputs) < 3 || n.Inputs[2] == "" {
		return true
	}
	zero := f.g.Initializers[n.Inputs[2]]
	return zero != nil && !slices.ContainsFunc(zero.Ints, func(v int64) bool { return v != 0 })
}

// isBound reports whether a node only bounds its input by constants.
func (f *quantizedFuser) isBound(n *Node) bool {
	if n.Op == "Relu" {
		return true
	}
	a := activationOf(f.g, n)
	return n.Op == "Clip" && a.set && a.alpha == a.alpha && a.beta == a.beta // not NaN
}

// bounds returns the bytes of the bounds that the nodes on the way to quantization set. As quantizing never falls where its
// input grows, bounding the bytes by them is bounding the numbers before.
func (f *quantizedFuser) bounds(way []*Node, out ByteScale) (low, high uint8) {
	low, high = 0, math.MaxUint8
	for _, n := range way {
		switch n.Op {
		case "Relu":
			low = out.Zero
		case "Clip":
			a := activationOf(f.g, n)
			low, high = out.quantize(a.alpha), out.quantize(a.beta)
			low = min(low, high) // as Clip does with bounds that cross
		}
	}
	return low, high
}

// quantize returns the byte of a number that is not NaN.
func (s ByteScale) quantize(v float32) uint8 {
	steps := math.RoundToEven(float64(v / s.Scale))
	return uint8(min(max(steps+float64(s.Zero), 0), math.MaxUint8))
}

// epilogue fills in the bias, which is the i-th input, and what happens to the sums on the way to quantization.
func (f *quantizedFuser) epilogue(q *quantizedNode, n *Node, i int, scales []float32, way []*Node) bool {
	q.conv.Scale, q.conv.Bias = make([]float32, len(scales)), make([]int32, len(scales))
	q.conv.InZero, q.conv.OutZero = q.in.Zero, q.out.Zero
	q.conv.Low, q.conv.High = f.bounds(way, q.out)
	for k, scale := range scales {
		q.conv.Scale[k] = float32(float64(q.in.Scale) * float64(scale) / float64(q.out.Scale))
		if !usableScale(q.conv.Scale[k]) {
			return false
		}
	}
	if len(n.Inputs) <= i || n.Inputs[i] == "" {
		return true
	}
	bias, ok := f.bias(n.Inputs[i], len(scales))
	if !ok {
		return false
	}
	for k, b := range bias {
		steps := math.RoundToEven(b / (float64(q.in.Scale) * float64(scales[k])))
		if !(math.Abs(steps) <= 1<<30) {
			return false
		}
		q.conv.Bias[k] = int32(steps)
	}
	return true
}

// bias returns the numbers of a constant bias, one for each of n outputs, quantized or not.
func (f *quantizedFuser) bias(name string, n int) ([]float64, bool) {
	bias := make([]float64, n)
	if t := f.g.Initializers[name]; t != nil {
		if t.DType != Float32 || !isRow(t, n) {
			return nil, false
		}
		for k, v := range t.Floats {
			bias[k] = float64(v)
		}
		return bias, true
	}
	node := f.producers[name]
	for node != nil && node.Op == "Identity" {
		node = f.producers[node.Inputs[0]]
	}
	if node == nil || node.Op != "DequantizeLinear" || !f.zeroPointIsZero(node) {
		return nil, false
	}
	t, scale := f.g.Initializers[node.Inputs[0]], f.g.Initializers[node.Inputs[1]]
	if t == nil || t.DType != Int32 || !isRow(t, n) || scale == nil || len(scale.Floats) != 1 && len(scale.Floats) != n {
		return nil, false
	}
	for k, v := range t.Ints {
		bias[k] = float64(v) * float64(scale.Floats[min(k, len(scale.Floats)-1)])
	}
	return bias, true
}

// isRow reports whether a tensor is one row of n numbers.
func isRow(t *Tensor, n int) bool {
	return t.Len() == n && len(t.Shape) > 0 && t.Shape[len(t.Shape)-1] == n
}
