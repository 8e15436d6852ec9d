// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/pooling"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// maxWindow bounds the elements of a kernel, and so the work for one element of the output.
const maxWindow = 1 << 16

// window is what Conv and the poolings have in common: a kernel that moves over the two spatial dimensions.
type window struct {
	kernel, strides, dilations [2]int
	// pads are those at top, left, bottom and right.
	pads [4]int
}

// window reads the attributes of an instruction whose first input is [N, C, H, W]. kernel is that of the weights, or nil
// if the attribute kernel_shape is required.
func (in *instruction) window(kernel []int) (window, error) {
	var w window
	if err := in.wantRank(0, 4); err != nil {
		return w, err
	}
	if _, given := in.node.Attributes["kernel_shape"]; given || kernel == nil {
		if !given {
			return w, in.node.AttributeErrorf("kernel_shape", "is missing")
		}
		shape, err := in.intsAttr("kernel_shape", 2, 1)
		if err != nil {
			return w, err
		}
		if kernel != nil && !slices.Equal(kernel, shape) {
			return w, in.node.AttributeErrorf("kernel_shape", "is %v; the weights are of %v", shape, kernel)
		}
		kernel = shape
	}
	copy(w.kernel[:], kernel)
	strides, err := in.intsAttr("strides", 2, 1)
	if err != nil {
		return w, err
	}
	dilations, err := in.intsAttr("dilations", 2, 1)
	if err != nil {
		return w, err
	}
	copy(w.strides[:], strides)
	copy(w.dilations[:], dilations)
	for i := range 2 {
		if min(w.kernel[i], w.strides[i], w.dilations[i]) < 1 {
			return w, in.node.Errorf("kernel %v, strides %v and dilations %v must be at least 1", w.kernel, w.strides, w.dilations)
		}
	}
	if w.kernel[0] > maxWindow/w.kernel[1] {
		return w, in.node.Errorf("a kernel of %v is not supported; it may have at most %d elements", w.kernel, maxWindow)
	}
	return w, in.setPads(&w)
}

// setPads finds the pads of a window from the attributes pads and auto_pad.
func (in *instruction) setPads(w *window) error {
	mode := in.stringAttr("auto_pad", "NOTSET")
	switch mode {
	case "NOTSET":
		pads, err := in.intsAttr("pads", 4, 0)
		if err != nil {
			return err
		}
		copy(w.pads[:], pads)
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for i, size := range in.inputs[0].shape[2:] {
			out := (size + w.strides[i] - 1) / w.strides[i]
			total := max((out-1)*w.strides[i]+w.dilations[i]*(w.kernel[i]-1)+1-size, 0)
			w.pads[i], w.pads[i+2] = total/2, total-total/2
			if mode == "SAME_LOWER" {
				w.pads[i], w.pads[i+2] = w.pads[i+2], w.pads[i]
			}
		}
	default:
		return in.node.AttributeErrorf("auto_pad", "%q is not known", mode)
	}
	return nil
}

var convOperator = &operator{
	minInputs: 2, maxInputs: 3, maxOutputs: 1, heavy: true,
	attributes: kinds{
		"auto_pad": stringKind, "dilations": intsKind, "group": intKind, "kernel_shape": intsKind, "pads": intsKind,
		"strides": intsKind,
	},
	infer: func(in *instruction) error {
		if err := in.wantFloats(-1); err != nil {
			return err
		}
		if err := in.wantRank(1, 4); err != nil {
			return err
		}
		s, err := in.convShape(in.inputs[1].shape)
		if err != nil {
			return err
		}
		height, width := s.OutHeight(), s.OutWidth()
		if in.node.fused.pooling {
			if min(height, width) < 2 {
				return in.node.Errorf("2×2 max pooling of a convolution's output of %d×%d pixels yields none", height, width)
			}
			height, width = height/2, width/2
		}
		return in.setOutput(0, Float32, []int{s.Batch, s.OutChannels, height, width})
	},
	build: func(in *instruction) (run, error) {
		s, err := in.convShape(in.inputs[1].shape)
		if err != nil {
			return nil, err
		}
		return buildConv(in, s)
	},
}

// convShape is the shape of a convolution with weights of a shape.
func (in *instruction) convShape(weights []int) (tensor.ConvShape, error) {
	w, err := in.window(weights[2:])
	if err != nil {
		return tensor.ConvShape{}, err
	}
	x := in.inputs[0].shape
	groups := in.intAttr("group", 1)
	if groups < 1 || groups > int64(max(x[1], 1)) || weights[1]*int(groups) != x[1] {
		return tensor.ConvShape{}, in.node.Errorf("weights of shape %v in %d groups do not fit an input of %d channels", weights, groups, x[1])
	}
	if bias := in.input(2); bias != nil && !slices.Equal(bias.shape, weights[:1]) {
		return tensor.ConvShape{}, in.node.Errorf("the bias has shape %v; it must have %v", bias.shape, weights[:1])
	}
	s := tensor.ConvShape{
		Batch: x[0], InChannels: x[1], InHeight: x[2], InWidth: x[3],
		OutChannels: weights[0], KernelH: w.kernel[0], KernelW: w.kernel[1],
		StrideH: w.strides[0], StrideW: w.strides[1],
		PadTop: w.pads[0], PadLeft: w.pads[1], PadBottom: w.pads[2], PadRight: w.pads[3],
		DilationH: w.dilations[0], DilationW: w.dilations[1],
		Groups: int(groups),
	}
	return s, s.Validate()
}

// poolKinds are the attributes of MaxPool and AveragePool.
var poolKinds = kinds{
	"auto_pad": stringKind, "ceil_mode": intKind, "count_include_pad": intKind, "dilations": intsKind,
	"kernel_shape": intsKind, "pads": intsKind, "storage_order": intKind, "strides": intsKind,
}

var maxPoolOperator = &operator{
	minInputs: 1, maxInputs: 1, maxOutputs: 1, heavy: true, attributes: poolKinds,
	infer: inferPool,
	build: func(in *instruction) (run, error) {
		s, err := in.poolShape()
		x, y := in.inputs[0], in.outputs[0]
		activation := in.activation()
		return func(m *machine) {
			pooling.Max(m.Workspace, s, m.floats(x), m.floats(y), nil)
			activation.apply(m, y)
		}, err
	},
}

var averagePoolOperator = &operator{
	minInputs: 1, maxInputs: 1, maxOutputs: 1, heavy: true, attributes: poolKinds,
	infer: inferPool,
	build: func(in *instruction) (run, error) {
		s, err := in.poolShape()
		countPads := in.intAttr("count_include_pad", 0) != 0
		x, y := in.inputs[0], in.outputs[0]
		return func(m *machine) { pooling.Average(m.Workspace, s, m.floats(x), m.floats(y), countPads) }, err
	},
}

func inferPool(in *instruction) error {
	if err := in.wantFloats(-1); err != nil {
		return err
	}
	s, err := in.poolShape()
	if err != nil {
		return err
	}
	return in.setOutput(0, Float32, []int{s.Batch, s.Channels, s.OutHeight(), s.OutWidth()})
}

// poolShape is the shape of a pooling.
func (in *instruction) poolShape() (tensor.PoolShape, error) {
	w, err := in.window(nil)
	if err != nil {
		return tensor.PoolShape{}, err
	}
	x := in.inputs[0].shape
	s := tensor.PoolShape{
		Batch: x[0], Channels: x[1], InHeight: x[2], InWidth: x[3],
		KernelH: w.kernel[0], KernelW: w.kernel[1], StrideH: w.strides[0], StrideW: w.strides[1],
		PadTop: w.pads[0], PadLeft: w.pads[1], PadBottom: w.pads[2], PadRight: w.pads[3],
		DilationH: w.dilations[0], DilationW: w.dilations[1],
		CeilMode: in.intAttr("ceil_mode", 0) != 0,
	}
	return s, s.Validate()
}

var globalAveragePoolOperator = &operator{
	minInputs: 1, maxInputs: 1, maxOutputs: 1,
	infer: inferGlobalPool,
	build: func(in *instruction) (run, error) {
		x, y := in.inputs[0], in.outputs[0]
		s := in.planes()
		return func(m *machine) { pooling.GlobalAverage(m.Workspace, s, m.floats(x), m.floats(y)) }, nil
	},
}

func inferGlobalPool(in *instruction) error {
	if err := in.wantFloats(-1); err != nil {
		return err
	}
	x := in.inputs[0].shape
	if len(x) < 3 {
		return in.node.Errorf("the input has %d dimensions; at least 3 are needed", len(x))
	}
	if slices.Contains(x, 0) {
		return in.node.Errorf("the input of shape %v is empty", x)
	}
	shape := slices.Repeat([]int{1}, len(x))
	copy(shape, x[:2])
	return in.setOutput(0, Float32, shape)
}

// planes sees the first input, of at least two dimensions, as images of planes of one channel each.
func (in *instruction) planes() tensor.NormShape {
	x := in.inputs[0].shape
	s := tensor.NormShape{Batch: x[0], Channels: x[1], Plane: 1}
	for _, d := range x[2:] {
		s.Plane *= d
	}
	return s
}
