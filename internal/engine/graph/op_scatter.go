// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import "slices"

// gatherNDOperator takes slices at constant positions, each given by its indices along the first dimensions after those of
// the batch.
var gatherNDOperator = mover(operator{minInputs: 2, maxInputs: 2, maxOutputs: 1, attributes: kinds{"batch_dims": intKind}}, func(in *instruction) ([]copying, error) {
	x := in.inputs[0].shape
	batch := int(min(in.intAttr("batch_dims", 0), maxRank))
	list, depth, err := in.positions(1)
	if err != nil {
		return nil, err
	}
	if batch < 0 || batch >= len(list) || batch+depth > len(x) || !slices.Equal(list[:batch], x[:min(batch, len(x))]) {
		return nil, in.node.Errorf("indices of shape %v do not fit an input of shape %v", in.inputs[1].shape, x)
	}
	slice := x[batch+depth:]
	shape := slices.Concat(list[:len(list)-1], slice)
	if len(shape) > maxRank {
		return nil, in.node.Errorf("the result has %d dimensions; at most %d are supported", len(shape), maxRank)
	}
	if err := in.setOutput(0, in.inputs[0].dtype, shape); err != nil {
		return nil, err
	}
	places, err := in.places(1, x[batch:], depth)
	if err != nil {
		return nil, err
	}
	size, steps := volume(slice), strides(slice)
	perImage := len(places) / max(volume(list[:batch]), 1)
	var copies []copying
	for i, place := range places {
		copies = append(copies, copying{movement: movement{
			shape: slice, sourceOffset: i/perImage*volume(x[batch:]) + place, destinationOffset: i * size, sourceStrides: steps, destinationStrides: steps,
		}})
	}
	return copies, nil
})

// scatterNDOperator copies its first input and puts slices of the third at constant positions in it.
var scatterNDOperator = mover(operator{minInputs: 3, maxInputs: 3, maxOutputs: 1, attributes: kinds{"reduction": stringKind}}, func(in *instruction) ([]copying, error) {
	if reduction := in.stringAttr("reduction", "none"); reduction != "none" {
		return nil, in.node.AttributeErrorf("reduction", "%q is not supported; only none is", reduction)
	}
	x, updates := in.inputs[0], in.inputs[2]
	list, depth, err := in.positions(1)
	if err != nil {
		return nil, err
	}
	if x.dtype != updates.dtype {
		return nil, in.node.Errorf("inputs are of different types: %s and %s", x.dtype, updates.dtype)
	}
	if depth > len(x.shape) || !slices.Equal(updates.shape, slices.Concat(list[:len(list)-1], x.shape[min(depth, len(x.shape)):])) {
		return nil, in.node.Errorf("indices of shape %v and updates of shape %v do not fit an input of shape %v", in.inputs[1].shape, updates.shape, x.shape)
	}
	if err := in.setOutput(0, x.dtype, x.shape); err != nil {
		return nil, err
	}
	places, err := in.places(1, x.shape, depth)
	if err != nil {
		return nil, err
	}
	copies := []copying{{movement: denseFrom(x.shape, 0, strides(x.shape))}}
	slice := x.shape[depth:]
	size, steps := volume(slice), strides(slice)
	for i, place := range places {
		copies = append(copies, copying{input: 2, movement: movement{
			shape: slice, sourceOffset: i * size, destinationOffset: place, sourceStrides: steps, destinationStrides: steps,
		}})
	}
	return copies, nil
})

// positions checks that the i-th input is a list of positions and returns its shape and the number of indices of each.
func (in *instruction) positions(i int) (list []int, depth int, err error) {
	if _, err := in.constantInts(i); err != nil {
		return nil, 0, err
	}
	list = in.inputs[i].shape
	if len(list) == 0 {
		return nil, 0, in.node.Errorf("input %d is a single number; it must be a list of positions", i)
	}
	depth = list[len(list)-1]
	if count := volume(list[:len(list)-1]); depth < 1 || count > maxCopies {
		return nil, 0, in.node.Errorf("input %d has %d positions of %d indices; from 1 index, and at most %d positions, are supported", i, count, depth, maxCopies)
	}
	return list, depth, nil
}

// places are the offsets, in an array of a shape, of the positions that the i-th input lists by depth indices each.
func (in *instruction) places(i int, shape []int, depth int) ([]int, error) {
	indices := in.inputs[i].constant.Ints
	steps := strides(shape)
	places := make([]int, 0, len(indices)/depth)
	for position := range slices.Chunk(indices, depth) {
		place := 0
		for d, index := range position {
			at, err := axis(index, shape[d])
			if err != nil {
				return nil, in.node.Errorf("position %v is outside shape %v", position, shape)
			}
			place += at * steps[d]
		}
		places = append(places, place)
	}
	return places, nil
}

// volume is the number of elements of a shape that is known to have few.
func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
