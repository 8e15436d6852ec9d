// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/dense"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
)

// attentionOperator is softmax(scale·Q·Kᵀ + mask)·V for each head of each image, without a cache of past keys and values.
// Several heads of queries may share one of keys and values.
var attentionOperator = &operator{
	minInputs: 3, maxInputs: 4, maxOutputs: 1, heavy: true,
	attributes: kinds{
		"is_causal": intKind, "kv_num_heads": intKind, "q_num_heads": intKind, "qk_matmul_output_mode": intKind,
		"scale": floatKind, "softcap": floatKind, "softmax_precision": intKind,
	},
	infer: func(in *instruction) error {
		a, err := in.attention()
		if err != nil {
			return err
		}
		in.scratch = &value{dtype: Float32, shape: []int{a.query.length, a.key.length}}
		return in.setOutput(0, Float32, a.out.shape)
	},
	build: func(in *instruction) (run, error) {
		a, err := in.attention()
		if err != nil {
			return nil, err
		}
		return a.build(in), nil
	},
}

// attention are the shapes of an Attention.
type attention struct {
	query, key, value, out heads
	scale, softcap         float32
	causal                 bool
	// mask is what is added to the products, or nil, of the shape maskShape [images, heads, queries, keys], in which each
	// dimension may be 1.
	mask      *value
	maskShape []int
}

// heads is an array of vectors: of shape [images, count, length, size], or [images, length, count·size].
type heads struct {
	shape                       []int
	images, count, length, size int
}

// at is the offset of an image's head.
func (h heads) at(image, head int) int {
	if len(h.shape) == 4 {
		return (image*h.count + head) * h.length * h.size
	}
	return image*h.length*h.count*h.size + head*h.size
}

// step is the distance between the vectors of a head.
func (h heads) step() int {
	if len(h.shape) == 4 {
		return h.size
	}
	return h.count * h.size
}

// heads reads the shape of the i-th input, whose number of heads is an attribute if it has three dimensions.
func (in *instruction) heads(i int, attribute string) (heads, error) {
	s := in.inputs[i].shape
	h := heads{shape: s}
	if slices.Contains(s, 0) {
		return h, in.node.Errorf("input %d of shape %v is empty", i, s)
	}
	switch len(s) {
	case 4:
		h.images, h.count, h.length, h.size = s[0], s[1], s[2], s[3]
	case 3:
		count := in.intAttr(attribute, 0)
		if count < 1 || int64(s[2])%count != 0 {
			return h, in.node.AttributeErrorf(attribute, "%d does not divide the last dimension of input %d, of shape %v", count, i, s)
		}
		h.images, h.length, h.count, h.size = s[0], s[1], int(count), s[2]/int(count)
	default:
		return h, in.node.Errorf("input %d has %d dimensions; only 3 and 4 are supported", i, len(s))
	}
	return h, nil
}

// attention checks the inputs and attributes.
func (in *instruction) attention() (*attention, error) {
	if err := in.wantFloats(3); err != nil {
		return nil, err
	}
	a := &attention{softcap: in.floatAttr("softcap", 0), causal: in.intAttr("is_causal", 0) != 0}
	for i, h := range []*heads{&a.query, &a.key, &a.value} {
		var err error
		if *h, err = in.heads(i, []string{"q_num_heads", "kv_num_heads", "kv_num_heads"}[i]); err != nil {
			return nil, err
		}
	}
	q, k, v := a.query, a.key, a.value
	if len(q.shape) != len(k.shape) || len(q.shape) != len(v.shape) || q.images != k.images || q.images != v.images ||
		q.size != k.size || k.length != v.length || k.count != v.count || q.count%k.count != 0 {
		return nil, in.node.Errorf("queries %v, keys %v and values %v do not fit each other", q.shape, k.shape, v.shape)
	}
	if precision := in.intAttr("softmax_precision", stashFloat32); precision != stashFloat32 {
		return nil, in.node.AttributeErrorf("softmax_precision", "%d is not supported; only %d, float32, is", precision, stashFloat32)
	}
	a.scale = in.floatAttr("scale", float32(1/math.Sqrt(float64(q.size))))
	a.out = heads{shape: []int{q.images, q.count, q.length, v.size}, images: q.images, count: q.count, length: q.length, size: v.size}
	if len(q.shape) == 3 {
		a.out.shape = []int{q.images, q.length, q.count * v.size}
	}
	if a.mask = in.input(3); a.mask != nil {
		if err := in.attentionMask(a); err != nil {
			return nil, err
		}
	}
	if a.softcap != 0 && (a.mask != nil || a.causal) {
		return nil, in.node.AttributeErrorf("softcap", "is not supported together with a mask")
	}
	return a, nil
}

// attentionMask checks the mask. One of booleans must be constant, and becomes numbers to add.
func (in *instruction) attentionMask(a *attention) error {
	full := []int{a.query.images, a.query.count, a.query.length, a.key.length}
	shape, err := elem.BroadcastShape(a.mask.shape, full)
	if err != nil || !slices.Equal(shape, full) {
		return in.node.Errorf("a mask of shape %v does not broadcast to %v", a.mask.shape, full)
	}
	a.maskShape = slices.Concat(slices.Repeat([]int{1}, len(full)-len(a.mask.shape)), a.mask.shape)
	switch {
	case a.mask.dtype == Float32:
		return nil
	case a.mask.dtype != Bool:
		return in.node.Errorf("input 3 is %s; only float32 and bool are supported", a.mask.dtype)
	}
	choice, err := in.constantInts(3)
	if err != nil {
		return err
	}
	numbers := NewFloats(make([]float32, len(choice)), a.mask.shape...)
	for i, keep := range choice {
		if keep == 0 {
			numbers.Floats[i] = float32(math.Inf(-1))
		}
	}
	for row := range slices.Chunk(choice, a.maskShape[3]) {
		if !slices.Contains(row, 1) {
			return in.node.Errorf("input 3 masks all keys of a query; that is not supported")
		}
	}
	a.mask = &value{dtype: Float32, shape: a.mask.shape, constant: numbers}
	return nil
}

func (a *attention) build(in *instruction) run {
	query, key, values, y, scratch := in.inputs[0], in.inputs[1], in.inputs[2], in.outputs[0], in.scratch
	q, k, v, out := a.query, a.key, a.value, a.out
	rows := []int{q.length, k.length}
	return func(m *machine) {
		products, mask := m.floats(scratch), m.optional(a.mask)
		for image := range q.images {
			for head := range q.count {
				shared := head / (q.count / k.count)
				left := dense.RowMajor(m.floats(query)[q.at(image, head):], q.step())
				right := dense.RowMajor(m.floats(key)[k.at(image, shared):], k.step()).T()
				dense.Gemm(m.Workspace, q.length, k.length, q.size, left, right, products, k.length, false)
				elem.Apply(m.Workspace, elem.Affine, a.scale, 0, products, products)
				if a.mask != nil {
					elem.Combine(m.Workspace, elem.Add, rows, products, a.maskShape[2:], mask[a.maskAt(image, head):][:a.maskShape[2]*a.maskShape[3]], products)
				}
				a.limit(m, products)
				elem.Softmax(m.Workspace, q.length, k.length, 1, products, products, false)
				dense.Gemm(m.Workspace, q.length, v.size, k.length, dense.RowMajor(products, k.length),
					dense.RowMajor(m.floats(values)[v.at(image, shared):], v.step()), m.floats(y)[out.at(image, head):], out.step(), false)
			}
		}
	}
}

// limit cuts off what lies in a query's future and caps the others softly, if that is wanted.
func (a *attention) limit(m *machine, products []float32) {
	if a.softcap != 0 {
		elem.Apply(m.Workspace, elem.Affine, 1/a.softcap, 0, products, products)
		elem.Apply(m.Workspace, elem.Tanh, 0, 0, products, products)
		elem.Apply(m.Workspace, elem.Affine, a.softcap, 0, products, products)
	}
	if !a.causal {
		return
	}
	for i := range a.query.length {
		for j := i + 1; j < a.key.length; j++ {
			products[i*a.key.length+j] = float32(math.Inf(-1))
		}
	}
}

// maskAt is the offset of the mask of an image's head.
func (a *attention) maskAt(image, head int) int {
	steps := strides(a.maskShape)
	offset := 0
	if a.maskShape[0] > 1 {
		offset += image * steps[0]
	}
	if a.maskShape[1] > 1 {
		offset += head * steps[1]
	}
	return offset
}
