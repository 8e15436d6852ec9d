// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Network is a chain of layers from images to class scores. It serves one caller at a time.
type Network struct {
	config  Config
	layers  []nn.Layer
	steps   []nn.Layer // what computes the layers
	ws      *exec.Workspace
	params  []*nn.Param
	buffers []*nn.Buffer
}

// newNetwork chains layers and checks that their shapes fit.
func newNetwork(config Config, layers []nn.Layer) (*Network, error) {
	ws, err := exec.New(exec.Options{Threads: config.Threads})
	if err != nil {
		return nil, err
	}
	n := &Network{config: config, layers: layers, steps: nn.Fuse(layers), ws: ws}
	shape := []int{1, channels, config.ImageSize, config.ImageSize}
	for _, l := range layers {
		if shape, err = l.OutputShape(shape); err != nil {
			return nil, fmt.Errorf("%s for images of %d×%d pixels: %w", config.Architecture, config.ImageSize, config.ImageSize, err)
		}
		n.params = append(n.params, l.Params()...)
		n.buffers = append(n.buffers, l.Buffers()...)
	}
	if want := []int{1, config.Classes}; !slices.Equal(shape, want) {
		return nil, fmt.Errorf("%s yields shape %v, want %v", config.Architecture, shape, want)
	}
	return n, nil
}

// Forward returns the logits [N, classes] of images x, [N, 3, size, size]. With training set, batch normalization uses
// and records the batch's statistics, dropout is active, and the network keeps what Backward needs; x must stay unchanged
// until then. The result belongs to the network and is overwritten by the next call. A wrong shape panics.
func (n *Network) Forward(x *tensor.Tensor, training bool) *tensor.Tensor {
	if want := n.InputShape(); len(x.Shape) != 4 || x.Shape[0] < 1 || !slices.Equal(x.Shape[1:], want) {
		panic(fmt.Sprintf("model: input shape is %v, want [N %d %d %d]", x.Shape, want[0], want[1], want[2]))
	}
	for _, l := range n.steps {
		x = l.Forward(n.ws, x, training)
	}
	return x
}

// Backward overwrites the gradients of all parameters with those of the last training Forward, given the gradient of its
// logits.
func (n *Network) Backward(dlogits *tensor.Tensor) {
	gradient := dlogits
	for i, l := range slices.Backward(n.steps) {
		gradient = l.Backward(n.ws, gradient, i > 0)
	}
}

// TrainingBytes returns how much memory training on batches of that size takes, except the parameters, what is kept with
// them, and scratch memory.
func (n *Network) TrainingBytes(batch int) (int64, error) {
	return nn.TrainingBytes(n.ws, n.steps, append([]int{batch}, n.InputShape()...))
}

// Params returns the trainable tensors in network order.
func (n *Network) Params() []*nn.Param { return n.params }

// Buffers returns the running statistics in network order.
func (n *Network) Buffers() []*nn.Buffer { return n.buffers }

// Layers returns the layers in the order in which they run.
func (n *Network) Layers() []nn.Layer { return n.layers }

// Workspace returns the workspace that the network computes in, for the loss and the optimizer of the same caller.
func (n *Network) Workspace() *exec.Workspace { return n.ws }

// Architecture returns the registered name of the network's architecture.
func (n *Network) Architecture() string { return n.config.Architecture }

// Config returns the configuration that the network was made from.
func (n *Network) Config() Config { return n.config }

// InputShape returns the shape of one image: channels, height, width.
func (n *Network) InputShape() []int { return []int{channels, n.config.ImageSize, n.config.ImageSize} }

// Classes returns the number of classes.
func (n *Network) Classes() int { return n.config.Classes }

// Save adds a copy of the parameters, running statistics and dropout counters to s.
func (n *Network) Save(s *nn.State) {
	for _, p := range n.params {
		s.Save(p.Name, p.Value)
	}
	for _, b := range n.buffers {
		s.Save(b.Name, b.Value)
	}
	for _, l := range n.layers {
		if d, ok := l.(*nn.Dropout); ok {
			s.Counters[dropoutCounter(d)] = d.Step
		}
	}
}

// Load restores what Save stored. The network must have the same architecture, classes and image size. After an error
// the network is partly loaded and must not be used.
func (n *Network) Load(s *nn.State) error {
	for _, p := range n.params {
		if err := s.Load(p.Name, p.Value); err != nil {
			return err
		}
	}
	for _, b := range n.buffers {
		if err := s.Load(b.Name, b.Value); err != nil {
			return err
		}
	}
	for _, l := range n.layers {
		if d, ok := l.(*nn.Dropout); ok {
			step, err := s.Counter(dropoutCounter(d))
			if err != nil {
				return err
			}
			d.Step = step
		}
	}
	return nil
}

func dropoutCounter(d *nn.Dropout) string { return d.Name() + ".step" }
