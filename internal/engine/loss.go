// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
)

// CrossEntropy is the mean over the batch of -log softmax(logits)[label].
type CrossEntropy struct{ gradient Tensor }

// Forward returns the loss of logits [N, classes] for N labels, each in [0, classes), and keeps its gradient.
func (c *CrossEntropy) Forward(ws *exec.Workspace, logits *Tensor, labels []int) float64 {
	c.gradient.Resize(logits.Shape...)
	return elem.SoftmaxCrossEntropy(ws, logits.Shape[0], logits.Shape[1], logits.Data, labels, c.gradient.Data)
}

// Gradient returns the gradient of the last loss with respect to the logits. It belongs to c.
func (c *CrossEntropy) Gradient() *Tensor { return &c.gradient }

// Softmax overwrites probabilities with the softmax of each row of logits [N, classes].
func Softmax(ws *exec.Workspace, logits, probabilities *Tensor) {
	probabilities.Resize(logits.Shape...)
	elem.Softmax(ws, logits.Shape[0], logits.Shape[1], 1, logits.Data, probabilities.Data, false)
}
