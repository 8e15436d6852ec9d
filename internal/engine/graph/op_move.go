// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"errors"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
)

// maxCopies bounds the number of boxes that one instruction copies.
const maxCopies = 1 << 16

var concatOperator = mover(operator{minInputs: 1, attributes: kinds{"axis": intKind}, maxOutputs: 1}, func(in *instruction) ([]copying, error) {
	first := in.inputs[0]
	at, err := axis(in.intAttr("axis", 0), len(first.shape))
	if err != nil {
		return nil, in.node.AttributeErrorf("axis", "%w", err)
	}
	shape := slices.Clone(first.shape)
	shape[at] = 0
	for i, x := range in.inputs {
		if x == nil {
			return nil, in.node.Errorf("input %d is missing", i)
		}
		if x.dtype != first.dtype {
			return nil, in.node.Errorf("inputs are of different types: %s and %s", first.dtype, x.dtype)
		}
		same := len(x.shape) == len(shape)
		for d := range shape {
			same = same && (d == at || x.shape[d] == first.shape[d])
		}
		if !same {
			return nil, in.node.Errorf("shapes %v and %v do not join along axis %d", first.shape, x.shape, at)
		}
		shape[at] += x.shape[at]
	}
	if err := in.setOutput(0, first.dtype, shape); err != nil {
		return nil, err
	}
	steps := strides(shape)
	var copies []copying
	offset := 0
	for i, x := range in.inputs {
		copies = append(copies, copying{input: i, movement: movement{
			shape: x.shape, destinationOffset: offset * steps[at], sourceStrides: strides(x.shape), destinationStrides: steps,
		}})
		offset += x.shape[at]
	}
	return copies, nil
})

var splitOperator = mover(operator{minInputs: 1, maxInputs: 2, attributes: kinds{"axis": intKind, "num_outputs": intKind}}, func(in *instruction) ([]copying, error) {
	x := in.inputs[0]
	at, err := axis(in.intAttr("axis", 0), len(x.shape))
	if err != nil {
		return nil, in.node.AttributeErrorf("axis", "%w", err)
	}
	sizes, err := in.splitSizes(x.shape[at])
	if err != nil {
		return nil, err
	}
	steps := strides(x.shape)
	var copies []copying
	offset := 0
	for i, size := range sizes {
		shape := slices.Clone(x.shape)
		shape[at] = size
		if err := in.setOutput(i, x.dtype, shape); err != nil {
			return nil, err
		}
		copies = append(copies, copying{output: i, movement: denseFrom(shape, offset*steps[at], steps)})
		offset += size
	}
	return copies, nil
})

// splitSizes are the sizes into which Split cuts a dimension of length n, one for each output.
func (in *instruction) splitSizes(n int) ([]int, error) {
	given, err := in.constantInts(1)
	if err != nil {
		return nil, err
	}
	parts := len(in.outputs)
	sizes := make([]int, parts)
	if in.input(1) == nil {
		if wanted := in.intAttr("num_outputs", int64(parts)); wanted != int64(parts) {
			return nil, in.node.AttributeErrorf("num_outputs", "is %d, but the node has %d outputs", wanted, parts)
		}
		chunk := (n + parts - 1) / parts
		for i := range sizes {
			sizes[i] = min(chunk, max(n-i*chunk, 0))
		}
		return sizes, nil
	}
	sum := 0
	if len(given) != parts {
		return nil, in.node.Errorf("has %d sizes for %d outputs", len(given), parts)
	}
	for i, size := range given {
		if size < 0 || size > int64(n) {
			return nil, in.node.Errorf("size %d is out of range for a dimension of %d", size, n)
		}
		sizes[i] = int(size)
		sum += sizes[i]
	}
	if sum != n {
		return nil, in.node.Errorf("sizes %v do not add up to %d", given, n)
	}
	return sizes, nil
}

var transposeOperator = mover(operator{minInputs: 1, maxInputs: 1, maxOutputs: 1, attributes: kinds{"perm": intsKind}}, func(in *instruction) ([]copying, error) {
	x := in.inputs[0]
	rank := len(x.shape)
	perm, given := in.node.Attributes["perm"].([]int64)
	if !given {
		for i := range rank {
			perm = append(perm, int64(rank-1-i))
		}
	}
	if _, err := axes(perm, rank); err != nil || len(perm) != rank {
		return nil, in.node.AttributeErrorf("perm", "%v is no permutation of %d dimensions", perm, rank)
	}
	steps, shape, sourceSteps := strides(x.shape), make([]int, rank), make([]int, rank)
	for i, p := range perm {
		from, _ := axis(p, rank)
		shape[i], sourceSteps[i] = x.shape[from], steps[from]
	}
	return []copying{{movement: denseFrom(shape, 0, sourceSteps)}}, in.setOutput(0, x.dtype, shape)
})

var expandOperator = mover(operator{minInputs: 2, maxInputs: 2, maxOutputs: 1}, func(in *instruction) ([]copying, error) {
	x := in.inputs[0]
	wanted, err := in.constantShape(1)
	if err != nil {
		return nil, err
	}
	shape, err := elem.BroadcastShape(x.shape, wanted)
	if err != nil {
		return nil, err
	}
	if err := in.setOutput(0, x.dtype, shape); err != nil {
		return nil, err
	}
	return []copying{{movement: denseFrom(shape, 0, broadcastStrides(x.shape, shape))}}, nil
})

var tileOperator = mover(operator{minInputs: 2, maxInputs: 2, maxOutputs: 1}, func(in *instruction) ([]copying, error) {
	x := in.inputs[0]
	repeats, err := in.constantShape(1)
	if err != nil {
		return nil, err
	}
	if len(repeats) != len(x.shape) {
		return nil, in.node.Errorf("has %d repeats for %d dimensions", len(repeats), len(x.shape))
	}
	shape := make([]int, len(repeats))
	var box, sourceSteps []int
	steps := strides(x.shape)
	for i, r := range repeats {
		if shape[i] = x.shape[i] * r; shape[i] > maxElements {
			return nil, in.node.Errorf("the result is too large")
		}
		box = append(box, r, x.shape[i])
		sourceSteps = append(sourceSteps, 0, steps[i])
	}
	if err := in.setOutput(0, x.dtype, shape); err != nil {
		return nil, err
	}
	return []copying{{movement: denseFrom(box, 0, sourceSteps)}}, nil
})

// constantShape is the content of the i-th input, a list of sizes.
func (in *instruction) constantShape(i int) ([]int, error) {
	list, err := in.constantInts(i)
	if err != nil {
		return nil, err
	}
	if len(list) > maxRank {
		return nil, in.node.Errorf("input %d has %d sizes; at most %d are supported", i, len(list), maxRank)
	}
	shape := make([]int, len(list))
	for j, d := range list {
		if d < 0 || d > maxElements {
			return nil, in.node.Errorf("input %d has the size %d; it must be from 0 to 2³⁰", i, d)
		}
		shape[j] = int(d)
	}
	return shape, nil
}

// gatherOperator takes constant indices along one axis.
var gatherOperator = mover(operator{minInputs: 2, maxInputs: 2, maxOutputs: 1, attributes: kinds{"axis": intKind}}, func(in *instruction) ([]copying, error) {
	x := in.inputs[0]
	at, err := axis(in.intAttr("axis", 0), len(x.shape))
	if err != nil {
		return nil, in.node.AttributeErrorf("axis", "%w", err)
	}
	indices, err := in.constantInts(1)
	if err != nil {
		return nil, err
	}
	if len(indices) > maxCopies {
		return nil, in.node.Errorf("has %d indices; at most %d are supported", len(indices), maxCopies)
	}
	list := in.inputs[1].shape
	shape := slices.Concat(x.shape[:at], list, x.shape[at+1:])
	if len(shape) > maxRank {
		return nil, in.node.Errorf("the result has %d dimensions; at most %d are supported", len(shape), maxRank)
	}
	if err := in.setOutput(0, x.dtype, shape); err != nil {
		return nil, err
	}
	from := strides(x.shape)
	// Along one index, the dimensions before and after the axis are copied.
	box := slices.Concat(x.shape[:at], x.shape[at+1:])
	sourceSteps := slices.Concat(from[:at], from[at+1:])
	to := strides(shape)
	steps := slices.Concat(to[:at], to[at+len(list):])
	inner := 1
	for _, d := range x.shape[at+1:] {
		inner *= d
	}
	var copies []copying
	for i, index := range indices {
		position, err := axis(index, x.shape[at])
		if err != nil {
			return nil, in.node.Errorf("index %d is out of range for a dimension of %d", index, x.shape[at])
		}
		copies = append(copies, copying{movement: movement{
			shape: box, sourceOffset: position * inner, destinationOffset: i * inner, sourceStrides: sourceSteps, destinationStrides: steps,
		}})
	}
	return copies, nil
})

var sliceOperator = mover(operator{minInputs: 3, maxInputs: 5, maxOutputs: 1}, func(in *instruction) ([]copying, error) {
	x := in.inputs[0]
	var lists [4][]int64 // starts, ends, axes, steps
	for i := range lists {
		var err error
		if lists[i], err = in.constantInts(1 + i); err != nil {
			return nil, err
		}
	}
	n := len(lists[0])
	if in.input(3) == nil {
		for i := range n {
			lists[2] = append(lists[2], int64(i))
		}
	}
	if in.input(4) == nil {
		lists[3] = slices.Repeat([]int64{1}, n)
	}
	if _, err := axes(lists[2], len(x.shape)); err != nil || len(lists[1]) != n || len(lists[2]) != n || len(lists[3]) != n {
		return nil, in.node.Errorf("starts %v, ends %v, axes %v and steps %v do not fit %d dimensions", lists[0], lists[1], lists[2], lists[3], len(x.shape))
	}
	shape, steps, offset := slices.Clone(x.shape), strides(x.shape), 0
	for i, a := range lists[2] {
		at, _ := axis(a, len(x.shape))
		start, length, err := sliceRange(lists[0][i], lists[1][i], lists[3][i], x.shape[at])
		if err != nil {
			return nil, in.node.Errorf("axis %d: %w", at, err)
		}
		shape[at] = length
		if length > 0 {
			offset += start * steps[at]
		}
		if length > 1 {
			steps[at] *= int(lists[3][i])
		}
	}
	if err := in.setOutput(0, x.dtype, shape); err != nil {
		return nil, err
	}
	return []copying{{movement: denseFrom(shape, offset, steps)}}, nil
})

// sliceRange is the first position and the number of positions of a slice with the meaning of Python's, for a dimension of
// length n.
func sliceRange(start, end, step int64, n int) (first, length int, err error) {
	size := int64(n)
	if step == 0 || step < -maxElements || step > maxElements {
		return 0, 0, errors.New("the step of a slice is 0 or out of range")
	}
	low, high := int64(0), size // the range that positions are clamped to
	if step < 0 {
		low, high = -1, size-1
	}
	clamp := func(v int64) int64 {
		if v < 0 {
			v = max(v+size, low)
		}
		return min(max(v, low), high)
	}
	start, end = clamp(start), clamp(end)
	if step > 0 {
		return int(start), int(max((end-start+step-1)/step, 0)), nil
	}
	return int(start), int(max((end-start+step+1)/step, 0)), nil
}

// padOperator surrounds its input with a constant.
var padOperator = mover(operator{minInputs: 2, maxInputs: 4, maxOutputs: 1, attributes: kinds{"mode": stringKind}, fill: padValue}, func(in *instruction) ([]copying, error) {
	x := in.inputs[0]
	if mode := in.stringAttr("mode", "constant"); mode != "constant" {
		return nil, in.node.AttributeErrorf("mode", "%q is not supported; only constant is", mode)
	}
	if _, err := padValue(in); err != nil {
		return nil, err
	}
	before, after, err := in.pads(len(x.shape))
	if err != nil {
		return nil, err
	}
	shape, box := make([]int, len(x.shape)), make([]int, len(x.shape))
	from := strides(x.shape)
	sourceOffset := 0
	for i, d := range x.shape {
		shape[i] = d + before[i] + after[i]
		box[i] = d + min(before[i], 0) + min(after[i], 0)
		if shape[i] < 0 || box[i] < 0 {
			return nil, in.node.Errorf("negative pads %v, %v cut away more than shape %v has", before, after, x.shape)
		}
		sourceOffset += max(-before[i], 0) * from[i]
	}
	if err := in.setOutput(0, x.dtype, shape); err != nil {
		return nil, err
	}
	to, destinationOffset := strides(shape), 0
	for i := range shape {
		destinationOffset += max(before[i], 0) * to[i]
	}
	return []copying{{movement: movement{
		shape: box, sourceOffset: sourceOffset, destinationOffset: destinationOffset, sourceStrides: from, destinationStrides: to,
	}}}, nil
})

// padValue is the constant around the input.
func padValue(in *instruction) (float32, error) {
	t, err := in.constantInput(2)
	if t == nil || err != nil {
		return 0, err
	}
	if t.Len() != 1 || t.DType != in.inputs[0].dtype {
		return 0, in.node.Errorf("input 2 must be a single number of the input's type")
	}
	if t.DType != Float32 {
		return float32(t.Ints[0]), nil
	}
	return t.Floats[0], nil
}

// pads are the numbers of elements that Pad adds before and after each dimension; negative ones are taken away.
func (in *instruction) pads(rank int) (before, after []int, err error) {
	list, err := in.constantInts(1)
	if err != nil {
		return nil, nil, err
	}
	dims, err := in.constantInts(3)
	if err != nil {
		return nil, nil, err
	}
	if in.input(3) == nil {
		for i := range rank {
			dims = append(dims, int64(i))
		}
	}
	if _, err := axes(dims, rank); err != nil || len(list) != 2*len(dims) {
		return nil, nil, in.node.Errorf("pads %v on axes %v do not fit %d dimensions", list, dims, rank)
	}
	before, after = make([]int, rank), make([]int, rank)
	for i, a := range dims {
		at, _ := axis(a, rank)
		for j, v := range []int64{list[i], list[i+len(dims)]} {
			if v < -maxElements || v > maxElements {
				return nil, nil, in.node.Errorf("pad %d is out of range", v)
			}
			if j == 0 {
				before[at] = int(v)
			} else {
				after[at] = int(v)
			}
		}
	}
	return before, after, nil
}

// depthToSpaceOperator moves blocks of channels into squares of pixels.
var depthToSpaceOperator = mover(operator{minInputs: 1, maxInputs: 1, maxOutputs: 1, attributes: kinds{"blocksize": intKind, "mode": stringKind}}, func(in *instruction) ([]copying, error) {
	if err := in.wantRank(0, 4); err != nil {
		return nil, err
	}
	x := in.inputs[0]
	block := int(in.intAttr("blocksize", 0))
	if block < 1 || block > 1<<12 || x.shape[1]%(block*block) != 0 {
		return nil, in.node.AttributeErrorf("blocksize", "%d does not divide %d channels", block, x.shape[1])
	}
	n, c, h, w := x.shape[0], x.shape[1]/(block*block), x.shape[2], x.shape[3]
	if err := in.setOutput(0, x.dtype, []int{n, c, h * block, w * block}); err != nil {
		return nil, err
	}
	// The input is [n, block, block, c, h, w], or [n, c, block, block, h, w]; the output [n, c, h, block, w, block].
	var s []int
	switch mode := in.stringAttr("mode", "DCR"); mode {
	case "DCR":
		s = strides([]int{n, block, block, c, h, w})
		s = []int{s[0], s[3], s[4], s[1], s[5], s[2]}
	case "CRD":
		s = strides([]int{n, c, block, block, h, w})
		s = []int{s[0], s[1], s[4], s[2], s[5], s[3]}
	default:
		return nil, in.node.AttributeErrorf("mode", "%q is not known", mode)
	}
	return []copying{{movement: denseFrom([]int{n, c, h, block, w, block}, 0, s)}}, nil
})

// spaceToDepthOperator moves squares of pixels into blocks of channels.
var spaceToDepthOperator = mover(operator{minInputs: 1, maxInputs: 1, maxOutputs: 1, attributes: kinds{"blocksize": intKind}}, func(in *instruction) ([]copying, error) {
	if err := in.wantRank(0, 4); err != nil {
		return nil, err
	}
	x := in.inputs[0]
	block := int(in.intAttr("blocksize", 0))
	if block < 1 || block > 1<<12 || x.shape[2]%block != 0 || x.shape[3]%block != 0 {
		return nil, in.node.AttributeErrorf("blocksize", "%d does not divide %v pixels", block, x.shape[2:])
	}
	n, c, h, w := x.shape[0], x.shape[1], x.shape[2]/block, x.shape[3]/block
	if err := in.setOutput(0, x.dtype, []int{n, c * block * block, h, w}); err != nil {
		return nil, err
	}
	// The input is [n, c, h, block, w, block]; the output [n, block, block, c, h, w].
	s := strides([]int{n, c, h, block, w, block})
	return []copying{{movement: denseFrom([]int{n, block, block, c, h, w}, 0, []int{s[0], s[3], s[5], s[1], s[2], s[4]})}}, nil
})
