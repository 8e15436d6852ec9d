// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// objective is what training lowers: the loss of a batch, by its labels or, where its images are mixed, by the shares of
// these.
type objective struct {
	nn.CrossEntropy
	mixes  bool
	shares tensor.Tensor // of the classes in each image of the current batch, [N, classes]
	labels []int         // of the current batch: what most of each image is
}

// forward returns the loss of the logits for a batch.
func (o *objective) forward(ws *exec.Workspace, logits *tensor.Tensor, batch *dataset.Batch) float64 {
	o.labels = o.labels[:0]
	for i, label := range batch.Labels {
		if batch.Share < 0.5 {
			label = batch.Labels[before(i, batch.N)]
		}
		o.labels = append(o.labels, int(label))
	}
	if !o.mixes {
		return o.Forward(ws, logits, o.labels)
	}
	o.shares.Resize(logits.Shape...)
	clear(o.shares.Data)
	classes := logits.Shape[1]
	for i, label := range batch.Labels {
		row := o.shares.Data[i*classes:][:classes]
		row[label] += batch.Share
		row[batch.Labels[before(i, batch.N)]] += 1 - batch.Share
	}
	return o.ForwardTargets(ws, logits, &o.shares)
}

// before is the index of the image that the i-th of n is mixed with.
func before(i, n int) int { return (i + n - 1) % n }

// right counts the rows whose highest logit is that of their label.
func (o *objective) right(logits *tensor.Tensor) int {
	right, classes := 0, logits.Shape[1]
	for i, label := range o.labels {
		if argmax(logits.Data[i*classes:(i+1)*classes]) == label {
			right++
		}
	}
	return right
}
