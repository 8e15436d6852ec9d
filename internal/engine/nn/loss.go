// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// CrossEntropy is the mean over the batch of -log softmax(logits)[label].
type CrossEntropy struct {
	// Smoothing is the share of each label, in [0, 1), that all classes get alike.
	Smoothing float64
	// Weights, unless nil, are those of the classes, each above 0: the mean is weighted by that of each label, as by the
	// weight of PyTorch's CrossEntropyLoss.
	Weights []float32

	gradient tensor.Tensor
}

// Forward returns the loss of logits [N, classes] for N labels, each in [0, classes), and keeps its gradient.
func (c *CrossEntropy) Forward(ws *exec.Workspace, logits *tensor.Tensor, labels []int) float64 {
	c.gradient.Resize(logits.Shape...)
	return elem.SoftmaxCrossEntropy(ws, logits.Shape[0], logits.Shape[1], logits.Data, labels, c.Smoothing, c.Weights, c.gradient.Data)
}

// ForwardTargets is Forward for targets [N, classes]: the probabilities with which each row is of each class. Weights then
// don't change what the mean is divided by.
func (c *CrossEntropy) ForwardTargets(ws *exec.Workspace, logits, targets *tensor.Tensor) float64 {
	c.gradient.Resize(logits.Shape...)
	return elem.SoftmaxCrossEntropyTargets(ws, logits.Shape[0], logits.Shape[1], logits.Data, targets.Data, c.Smoothing, c.Weights, c.gradient.Data)
}

// Gradient returns the gradient of the last loss with respect to the logits. It belongs to c.
func (c *CrossEntropy) Gradient() *tensor.Tensor { return &c.gradient }
