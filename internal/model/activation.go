// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// ActivationMap says how much each part of an image speaks for a class.
type ActivationMap struct {
	Height, Width int
	// Values are [Height, Width]; below 0 is what speaks against it. Their mean and the class's bias make its logit.
	Values []float32
}

// ActivationMap returns the class activation map (Zhou et al., 2016) of one image x, [1, 3, size, size]: the planes before
// global average pooling, weighted as the classifier weighs their means for the class. ok is false for a network that
// doesn't end in that pooling and one linear layer. It is a Forward that isn't training, which the next one overwrites.
func (n *Network) ActivationMap(x *tensor.Tensor, class int) (m ActivationMap, ok bool) {
	pool, classifier := n.linearHead()
	if classifier == nil {
		return ActivationMap{}, false
	}
	for _, l := range n.steps[:pool] {
		x = l.Forward(n.ws, x, false)
	}
	features, height, width := x.Shape[1], x.Shape[2], x.Shape[3]
	m = ActivationMap{Height: height, Width: width, Values: make([]float32, height*width)}
	weights := classifier.Weight.Value.Data[class*features : (class+1)*features]
	for k, weight := range weights {
		for i, v := range x.Data[k*height*width : (k+1)*height*width] {
			m.Values[i] += weight * v
		}
	}
	return m, true
}

// linearHead returns the index of the step that pools, and the layer that makes logits of the means; nil if the network
// ends otherwise.
func (n *Network) linearHead() (pool int, classifier *nn.Linear) {
	for i := len(n.steps) - 1; i >= 0; i-- {
		switch l := n.steps[i].(type) {
		case *nn.Linear:
			if classifier != nil {
				return 0, nil
			}
			classifier = l
		case *nn.Flatten, *nn.Dropout:
		case *nn.GlobalAveragePool:
			return i, classifier
		default:
			return 0, nil
		}
	}
	return 0, nil
}
