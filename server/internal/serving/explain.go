// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// explainSide is how many places of a picture are hidden along each side, one after another: as many images, and one, are
// computed for an explanation.
const explainSide = 8

// Explanation says where in a picture is what its prediction rests on.
type Explanation struct {
	// Class is the index of the predicted class.
	Class int
	// Drops are by how much its probability falls where the network doesn't see a place, row by row, Side in each. A place is
	// one of Side by Side equal parts of what the network sees; it is hidden with half of its neighbors on each side.
	Side  int
	Drops []float64
}

// errExplaining: an explanation takes as long as many predictions, and is not worth that others wait.
var errExplaining = overloaded("another picture is being explained")

// Explain decodes a picture and hides one place after another. One picture is explained at a time. Errors are of type Error.
func (p Place) Explain(ctx context.Context, picture []byte) (Explanation, error) {
	select {
	case p.service.explaining <- struct{}{}:
		defer func() { <-p.service.explaining }()
	default:
		return Explanation{}, errExplaining
	}
	length := p.model.Preprocess.TensorLen()
	const valueBytes = 4
	room := int64(2 * valueBytes * length)
	if err := p.service.tensors.Acquire(ctx, room); err != nil {
		return Explanation{}, p.service.explain(ctx, context.Cause(ctx))
	}
	defer p.service.tensors.Release(room)
	whole, pixels := make([]float32, length), make([]uint8, p.model.Preprocess.PixelLen())
	err := p.decode(ctx, p.service.decoder, whole, pixels, 0, func(int) ([]byte, error) { return picture, nil })
	if err != nil {
		return Explanation{}, err
	}
	probabilities, err := p.probabilities(ctx, whole)
	if err != nil {
		return Explanation{}, err
	}
	explained := Explanation{Class: classifier.ArgMax(probabilities), Side: explainSide, Drops: make([]float64, 0, explainSide*explainSide)}
	hidden := make([]float32, length)
	for place := range explainSide * explainSide {
		copy(hidden, whole)
		hide(hidden, p.model.Preprocess.Size, place%explainSide, place/explainSide)
		without, err := p.probabilities(ctx, hidden)
		if err != nil {
			return Explanation{}, err
		}
		explained.Drops = append(explained.Drops, probabilities[explained.Class]-without[explained.Class])
	}
	return explained, nil
}

// probabilities computes those of one image, which waits its turn among those of others.
func (p Place) probabilities(ctx context.Context, tensor []float32) ([]float64, error) {
	logits, err := p.ticket.compute(ctx, tensor, 1)
	if err != nil {
		return nil, p.service.explain(ctx, err)
	}
	return p.model.Probabilities(logits), nil
}

// hide sets the values of a place to 0, which is what is usual after normalization.
func hide(tensor []float32, size, x, y int) {
	left, right := max(0, (2*x-1)*size/(2*explainSide)), min(size, (2*x+3)*size/(2*explainSide))
	top, bottom := max(0, (2*y-1)*size/(2*explainSide)), min(size, (2*y+3)*size/(2*explainSide))
	for channel := range preprocess.Channels {
		for row := top; row < bottom; row++ {
			line := tensor[(channel*size+row)*size:]
			clear(line[left:right])
		}
	}
}
