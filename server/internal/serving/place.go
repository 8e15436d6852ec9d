// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"errors"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Place is a request's place among those that wait for a prediction. It must be released, and is used by one goroutine.
type Place struct {
	service *Service
	model   *loadedModel
	ticket  *ticket
}

// Admit gives a request a place, or returns ErrLoading or ErrOverloaded. A request whose body is still on its way is not
// given one: how long that takes is up to its client.
func (s *Service) Admit() (Place, error) {
	model := s.loaded.Load()
	if model == nil {
		return Place{}, ErrLoading
	}
	ticket, err := model.batcher.admit()
	if err != nil {
		return Place{}, err
	}
	return Place{service: s, model: model, ticket: ticket}, nil
}

// Release gives the place to another request.
func (p Place) Release() { p.ticket.release() }

// Model is the model that answers.
func (p Place) Model() *classifier.Model { return p.model.Model }

// Prediction is what a model makes of an image.
type Prediction struct {
	// Class is the index of the most probable class.
	Class int
	// Probabilities are those of the classes. They sum to 1.
	Probabilities []float64
	// Logits are numbers whose softmax are the probabilities.
	Logits []float32
}

// Classify decodes a picture and computes its prediction. decoding is what is made of the picture, 0 for
// preprocess.Decoding: smoke tests ask for what was made of it when the model was published. Errors are of type Error.
func (p Place) Classify(ctx context.Context, picture []byte, decoding int) (Prediction, error) {
	decoder, err := p.service.decoderOf(decoding)
	if err != nil {
		return Prediction{}, err
	}
	logits, err := p.pictures(ctx, decoder, 1, func(int) ([]byte, error) { return picture, nil })
	if err != nil {
		return Prediction{}, err
	}
	probabilities := classifier.Softmax(logits)
	return Prediction{Class: classifier.ArgMax(probabilities), Probabilities: probabilities, Logits: logits}, nil
}

// Pictures returns the logits, of shape [n, classes], of n pictures, which are asked for one by one so that no more than
// one file need be in memory. An error of picture is returned as it is; others are of type Error.
func (p Place) Pictures(ctx context.Context, n int, picture func(i int) ([]byte, error)) ([]float32, error) {
	if limit := p.MaxPictures(); n > limit {
		return nil, newError(CodeTooManyImages, "there are %d images: send at most %d in a request", n, limit)
	}
	return p.pictures(ctx, p.service.decoder, n, picture)
}

// MaxPictures is how many pictures a request may have.
func (p Place) MaxPictures() int { return max(p.service.config.Limits.MaxBatch, 64) }

// Pictures of a few bytes make tensors of megabytes.
const (
	// tensorRoom is the memory for the tensors of all requests' pictures. A request waits until there is room.
	tensorRoom = 64 << 20
	// tensorPart is how much of that a request takes, or the tensor of one picture if that is more: it decodes as many
	// pictures, has them computed, and goes on with the next.
	tensorPart = 8 << 20
)

func (p Place) pictures(ctx context.Context, decoder *preprocess.Decoder, n int, picture func(i int) ([]byte, error)) ([]float32, error) {
	const valueBytes = 4
	spec := p.model.Preprocess
	length := spec.TensorLen()
	part := min(n, max(1, tensorPart/(valueBytes*length)))
	room := int64(valueBytes * length * part)
	if err := p.service.tensors.Acquire(ctx, room); err != nil {
		return nil, p.service.explain(ctx, context.Cause(ctx))
	}
	defer p.service.tensors.Release(room)
	tensor := make([]float32, length*part)
	var logits []float32
	for first := 0; first < n; first += part {
		count := min(part, n-first)
		for i := range count {
			data, err := picture(first + i)
			if err != nil {
				return nil, err
			}
			if err := decoder.Tensor(ctx, spec, tensor[i*length:(i+1)*length], data); err != nil {
				return nil, p.service.explain(ctx, err)
			}
		}
		computed, err := p.ticket.compute(ctx, tensor[:count*length], count)
		if err != nil {
			return nil, p.service.explain(ctx, inRequest(err, first))
		}
		logits = append(logits, computed...)
	}
	return logits, nil
}

// Tensor returns the logits, of shape [n, classes], of n images that a client has preprocessed, of shape [n, 3, size,
// size]. Errors are of type Error; one for values that overflow wraps a NotFiniteError.
func (p Place) Tensor(ctx context.Context, tensor []float32, n int) ([]float32, error) {
	if length := p.model.Preprocess.TensorLen(); n < 1 || len(tensor) != n*length {
		return nil, newError(CodeInvalidInput, "there are %d values for %d images: send %d for each", len(tensor), n, length)
	}
	logits, err := p.ticket.compute(ctx, tensor, n)
	if err != nil {
		return nil, p.tensorFailure(ctx, err)
	}
	return logits, nil
}

// tensorFailure is why there are no logits of a tensor. That it overflows is the fault of who made it.
func (p Place) tensorFailure(ctx context.Context, err error) *Error {
	var overflow *NotFiniteError
	if !errors.As(err, &overflow) {
		return p.service.explain(ctx, err)
	}
	failure := newError(CodeInvalidInput, "the values of image %d overflow in the network: preprocess it as the model asks", overflow.Image)
	failure.cause = overflow
	return failure
}

// decoderOf is the decoder that makes of a picture what a version of decoding makes.
func (s *Service) decoderOf(decoding int) (*preprocess.Decoder, error) {
	switch decoding {
	case 0, preprocess.Decoding:
		return s.decoder, nil
	case preprocess.DecodingFirst:
		return s.decoder.First(), nil
	default:
		return nil, newError(CodeUnknownDecoding, "decoding %d is not known: this version knows %d and %d",
			decoding, preprocess.DecodingFirst, preprocess.Decoding)
	}
}
