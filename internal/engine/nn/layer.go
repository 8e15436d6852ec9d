// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Param is a trainable tensor and the gradient of the loss with respect to it.
type Param struct {
	// Name is the layer's name and the tensor's, such as "block1.conv.weight".
	Name        string
	Value, Grad *tensor.Tensor
}

// Buffer is a tensor that belongs to a layer's state but is not trained, such as a running mean.
type Buffer struct {
	Name  string
	Value *tensor.Tensor
}

// Layer is one step of a network.
type Layer interface {
	// Name identifies the layer in its network, such as "block1.conv".
	Name() string
	// OutputShape returns the shape of the output for an input shape (the batch dimension included), or why the layer
	// cannot take it.
	OutputShape(in []int) ([]int, error)
	// Forward returns the output for x. With training set it uses batch statistics and dropout, and keeps what Backward
	// needs, which may be x itself: x must stay unchanged until then.
	Forward(ws *exec.Workspace, x *tensor.Tensor, training bool) *tensor.Tensor
	// Backward takes the gradient of the output of the last Forward, overwrites the gradients of the parameters and
	// returns the gradient of the input, or nil if wantInput is false.
	Backward(ws *exec.Workspace, dy *tensor.Tensor, wantInput bool) *tensor.Tensor
	// Params returns the trainable tensors in a fixed order.
	Params() []*Param
	// Buffers returns the other tensors of the layer's state in a fixed order.
	Buffers() []*Buffer
}

// stateless is embedded by layers that have neither parameters nor buffers.
type stateless struct{ name string }

func (l *stateless) Name() string       { return l.name }
func (l *stateless) Params() []*Param   { return nil }
func (l *stateless) Buffers() []*Buffer { return nil }

// newParam returns a zero parameter.
func newParam(layer, name string, shape ...int) *Param {
	return &Param{Name: layer + "." + name, Value: tensor.New(shape...), Grad: tensor.New(shape...)}
}

// wantImages checks that in is [N, channels, H, W]; channels 0 means any.
func wantImages(layer string, in []int, channels int) error {
	if len(in) != 4 {
		return fmt.Errorf("layer %s: input shape %v: want [N, C, H, W]", layer, in)
	}
	if channels != 0 && in[1] != channels {
		return fmt.Errorf("layer %s: input shape %v: want %d channels", layer, in, channels)
	}
	return nil
}

// layerError names the layer in an error.
func layerError(layer string, err error) error { return fmt.Errorf("layer %s: %w", layer, err) }
