// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/dense"
)

// maxInterpolation bounds the number of weights by which Resize interpolates along one dimension.
const maxInterpolation = 1 << 22

// resizeOperator scales dimensions by nearest or linear interpolation, without antialiasing; the latter at most two.
var resizeOperator = &operator{
	minInputs: 1, maxInputs: 4, maxOutputs: 1,
	attributes: kinds{
		"antialias": intKind, "coordinate_transformation_mode": stringKind, "cubic_coeff_a": floatKind, "exclude_outside": intKind,
		"extrapolation_value": floatKind, "mode": stringKind, "nearest_mode": stringKind,
	},
	infer: func(in *instruction) error {
		r, err := in.resizing()
		if err != nil {
			return err
		}
		if r.linear && len(r.changed) == 2 {
			shape := slices.Clone(in.inputs[0].shape)
			shape[r.changed[0]] = r.shape[r.changed[0]]
			if _, err := Elements(shape); err != nil {
				return err
			}
			in.scratch = &value{dtype: Float32, shape: shape}
		}
		return in.setOutput(0, Float32, r.shape)
	},
	build: func(in *instruction) (run, error) {
		r, err := in.resizing()
		if err != nil {
			return nil, err
		}
		x, y, scratch := in.inputs[0], in.outputs[0], in.scratch
		if !r.linear {
			g := newGrid(x.shape, r)
			return func(m *machine) { g.gather(0, 0, 0, m.floats(y), m.floats(x)) }, nil
		}
		switch len(r.changed) {
		case 0:
			return func(m *machine) { copy(m.floats(y), m.floats(x)) }, nil
		case 1:
			only := newInterpolation(x.shape, r.changed[0], r)
			return func(m *machine) { only.apply(m, m.floats(x), m.floats(y)) }, nil
		default:
			first, second := newInterpolation(x.shape, r.changed[0], r), newInterpolation(scratch.shape, r.changed[1], r)
			return func(m *machine) {
				first.apply(m, m.floats(x), m.floats(scratch))
				second.apply(m, m.floats(scratch), m.floats(y))
			}, nil
		}
	},
}

// resizing is what Resize does.
type resizing struct {
	shape  []int
	scales []float64
	// changed are the dimensions that are scaled.
	changed   []int
	linear    bool
	transform string
	nearest   string
}

func (in *instruction) resizing() (resizing, error) {
	r := resizing{
		transform: in.stringAttr("coordinate_transformation_mode", "half_pixel"),
		nearest:   in.stringAttr("nearest_mode", "round_prefer_floor"),
	}
	if err := in.wantFloats(1); err != nil {
		return r, err
	}
	switch mode := in.stringAttr("mode", "nearest"); mode {
	case "nearest":
	case "linear":
		r.linear = true
	default:
		return r, in.node.AttributeErrorf("mode", "%q is not supported; nearest and linear are", mode)
	}
	if in.intAttr("antialias", 0) != 0 {
		return r, in.node.AttributeErrorf("antialias", "is not supported")
	}
	if !slices.Contains([]string{"align_corners", "asymmetric", "half_pixel", "pytorch_half_pixel"}, r.transform) {
		return r, in.node.AttributeErrorf("coordinate_transformation_mode", "%q is not supported", r.transform)
	}
	if !slices.Contains([]string{"ceil", "floor", "round_prefer_ceil", "round_prefer_floor"}, r.nearest) {
		return r, in.node.AttributeErrorf("nearest_mode", "%q is not known", r.nearest)
	}
	if err := in.resizedShape(&r); err != nil {
		return r, err
	}
	for i, d := range in.inputs[0].shape {
		if r.shape[i] == d && r.scales[i] == 1 {
			continue
		}
		if d == 0 || r.shape[i] == 0 {
			return r, in.node.Errorf("dimension %d of shape %v cannot be scaled to %d", i, in.inputs[0].shape, r.shape[i])
		}
		r.changed = append(r.changed, i)
		if r.linear && (len(r.changed) > 2 || d*r.shape[i] > maxInterpolation) {
			return r, in.node.Errorf("linear interpolation from shape %v to %v is not supported: at most two dimensions of moderate size are", in.inputs[0].shape, r.shape)
		}
	}
	return r, nil
}

// resizedShape finds the output's shape and its scales from the inputs scales or sizes.
func (in *instruction) resizedShape(r *resizing) error {
	x := in.inputs[0].shape
	if in.input(3) != nil {
		shape, err := in.constantShape(3)
		if err != nil {
			return err
		}
		if len(shape) != len(x) {
			return in.node.Errorf("has %d sizes for %d dimensions", len(shape), len(x))
		}
		r.shape = shape
		for i, d := range shape {
			r.scales = append(r.scales, float64(d)/float64(max(x[i], 1)))
		}
		return nil
	}
	scales, err := in.constantInput(2)
	if err != nil {
		return err
	}
	if scales == nil || scales.DType != Float32 || scales.Len() != len(x) {
		return in.node.Errorf("needs a scale for each of %d dimensions", len(x))
	}
	for i, s := range scales.Floats {
		size := math.Floor(float64(x[i]) * float64(s))
		if !(s > 0 && size <= maxElements) {
			return in.node.Errorf("scale %v is out of range", s)
		}
		r.shape = append(r.shape, int(size))
		r.scales = append(r.scales, float64(s))
	}
	return nil
}

// source is the coordinate along a dimension of length n that position i of the output is read from.
func (r *resizing) source(dim, n, i int) float64 {
	out, scale := r.shape[dim], r.scales[dim]
	switch {
	case r.transform == "asymmetric":
		return float64(i) / scale
	case r.transform == "align_corners" && out > 1:
		// The standard's resized length is not rounded.
		return float64(i) * float64(n-1) / (float64(n)*scale - 1)
	case r.transform == "align_corners", r.transform == "pytorch_half_pixel" && out == 1:
		return 0
	default:
		return (float64(i)+0.5)/scale - 0.5
	}
}

// round brings a coordinate to a position by the nearest mode.
func (r *resizing) round(v float64) int {
	switch r.nearest {
	case "floor":
		v = math.Floor(v)
	case "ceil":
		v = math.Ceil(v)
	case "round_prefer_ceil":
		v = math.Floor(v + 0.5)
	default:
		v = math.Ceil(v - 0.5)
	}
	return int(v)
}

// grid copies an element for each combination of positions.
type grid struct {
	// offsets are, by dimension, the places in the source; steps the strides of the destination.
	offsets [][]int
	steps   []int
}

func newGrid(shape []int, r resizing) grid {
	g := grid{steps: strides(r.shape)}
	for dim, step := range strides(shape) {
		n := shape[dim]
		offsets := make([]int, r.shape[dim])
		for i := range offsets {
			position := i
			if slices.Contains(r.changed, dim) {
				position = min(max(r.round(r.source(dim, n, i)), 0), n-1)
			}
			offsets[i] = position * step
		}
		g.offsets = append(g.offsets, offsets)
	}
	return g
}

// gather copies the part of the grid along the dimensions from dim on.
func (g *grid) gather(dim, to, from int, destination, source []float32) {
	if dim == len(g.offsets) {
		destination[to] = source[from]
		return
	}
	for i, offset := range g.offsets[dim] {
		g.gather(dim+1, to+i*g.steps[dim], from+offset, destination, source)
	}
}

// interpolation multiplies a dimension by a matrix.
type interpolation struct {
	outer, n, inner, out int
	weights              []float32 // out×n
}

// newInterpolation interpolates linearly along a dimension of an array of a shape; beyond its ends it goes on as they are.
func newInterpolation(shape []int, dim int, r resizing) interpolation {
	t := interpolation{outer: 1, n: shape[dim], inner: 1, out: r.shape[dim]}
	for _, d := range shape[:dim] {
		t.outer *= d
	}
	for _, d := range shape[dim+1:] {
		t.inner *= d
	}
	t.weights = make([]float32, t.out*t.n)
	for i := range t.out {
		v := r.source(dim, t.n, i)
		floor := math.Floor(v)
		low := min(max(int(floor), 0), t.n-1)
		high := min(max(int(floor)+1, 0), t.n-1)
		t.weights[i*t.n+low] += float32(1 - (v - floor))
		t.weights[i*t.n+high] += float32(v - floor)
	}
	return t
}

func (t *interpolation) apply(m *machine, x, y []float32) {
	weights := dense.RowMajor(t.weights, t.n)
	if t.inner == 1 {
		dense.Gemm(m.Workspace, t.outer, t.out, t.n, dense.RowMajor(x, t.n), weights.T(), y, t.out, false)
		return
	}
	for i := range t.outer {
		dense.Gemm(m.Workspace, t.out, t.inner, t.n, weights, dense.RowMajor(x[i*t.n*t.inner:], t.inner), y[i*t.out*t.inner:], t.inner, false)
	}
}
