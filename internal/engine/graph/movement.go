// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import "slices"

// movement fills an output by copying a box of an input: element at index i of the box goes from source offset + i·source
// strides to destination offset + i·destination strides. Slices, transpositions, expansion and concatenation are such.
type movement struct {
	shape                             []int
	sourceOffset, destinationOffset   int
	sourceStrides, destinationStrides []int
}

// denseFrom is the movement of a box into an output of that very shape.
func denseFrom(shape []int, offset int, sourceStrides []int) movement {
	return movement{shape: shape, sourceOffset: offset, sourceStrides: sourceStrides, destinationStrides: strides(shape)}
}

// move copies the box from source to destination.
func move[T any](mv *movement, destination, source []T) {
	if slices.Contains(mv.shape, 0) {
		return
	}
	moveFrom(mv, 0, mv.destinationOffset, mv.sourceOffset, destination, source)
}

// moveFrom copies the part of the box that lies along the dimensions from dim on.
func moveFrom[T any](mv *movement, dim, to, from int, destination, source []T) {
	if dim == len(mv.shape) {
		destination[to] = source[from]
		return
	}
	n, toStep, fromStep := mv.shape[dim], mv.destinationStrides[dim], mv.sourceStrides[dim]
	if dim == len(mv.shape)-1 {
		if toStep == 1 && fromStep == 1 {
			copy(destination[to:to+n], source[from:from+n])
			return
		}
		for range n {
			destination[to] = source[from]
			to += toStep
			from += fromStep
		}
		return
	}
	for range n {
		moveFrom(mv, dim+1, to, from, destination, source)
		to += toStep
		from += fromStep
	}
}

// spread repeats data of a shape along the dimensions in which it broadcasts to another.
func spread[T any](data []T, shape, to []int) []T {
	n := 1
	for _, d := range to {
		n *= d
	}
	out := make([]T, n)
	mv := denseFrom(to, 0, broadcastStrides(shape, to))
	move(&mv, out, data)
	return out
}

// broadcastStrides are the strides by which an array of a shape is read as one of the shape that it broadcasts to: 0 in
// the dimensions in which it repeats.
func broadcastStrides(shape, to []int) []int {
	s := make([]int, len(to))
	for i, step := range strides(shape) {
		if shape[i] != 1 {
			s[len(to)-len(shape)+i] = step
		}
	}
	return s
}

// mover is an operator that copies. plan checks the instruction, describes its outputs and returns for each output and
// each input the movements between them.
func mover(op operator, plan func(*instruction) ([]copying, error)) *operator {
	gaps := op.fill != nil
	if !gaps {
		op.fill = func(*instruction) (float32, error) { return 0, nil }
	}
	op.infer = func(in *instruction) error {
		_, err := plan(in)
		return err
	}
	op.fold = func(in *instruction) error {
		copies, err := plan(in)
		if err != nil {
			return err
		}
		fill, err := op.fill(in)
		if err != nil {
			return err
		}
		for i, y := range in.outputs {
			t := &Tensor{DType: y.dtype, Shape: y.shape}
			if y.dtype == Float32 {
				t.Floats = slices.Repeat([]float32{fill}, y.size())
			} else {
				t.Ints = slices.Repeat([]int64{int64(fill)}, y.size())
			}
			for _, c := range copies {
				switch {
				case c.output != i:
				case y.dtype == Float32:
					move(&c.movement, t.Floats, in.inputs[c.input].constant.Floats)
				default:
					move(&c.movement, t.Ints, in.inputs[c.input].constant.Ints)
				}
			}
			if err := in.setConstant(i, t); err != nil {
				return err
			}
		}
		return nil
	}
	op.build = func(in *instruction) (run, error) {
		copies, err := plan(in)
		if err != nil {
			return nil, err
		}
		fill, err := op.fill(in)
		if err != nil {
			return nil, err
		}
		inputs, outputs := in.inputs, in.outputs
		return func(m *machine) {
			if gaps {
				for _, y := range outputs {
					fillWith(m.floats(y), fill)
				}
			}
			for i := range copies {
				c := &copies[i]
				move(&c.movement, m.floats(outputs[c.output]), m.floats(inputs[c.input]))
			}
		}, nil
	}
	return &op
}

// fillWith sets every element of x to v.
func fillWith(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// copying is a movement between an input and an output of an instruction.
type copying struct {
	movement
	input, output int
}
