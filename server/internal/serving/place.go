// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"errors"
	"time"

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

// Timings say what the request has taken so far.
func (p Place) Timings() Timings { return p.ticket.timings }

// Model is the model that answers.
func (p Place) Model() *classifier.Model { return p.model.Model }

// Prediction is what a model makes of an image.
type Prediction struct {
	// Class is the index of the most probable class.
	Class int
	// Probabilities are those of the classes. They sum to 1.
	Probabilities []float64
	// Logits are numbers whose softmax are the probabilities, once they are divided by the model's temperature.
	Logits []float32
}

// Outcome is what came of one of a request's pictures.
type Outcome struct {
	Prediction
	// Err is why there is no prediction, if the picture is at fault.
	Err error
}

// Classify decodes n pictures, which are asked for one by one, and computes their predictions. decoding is what is made of a
// picture, 0 for preprocess.Decoding: smoke tests ask for what was made of it when the model was published. A picture that
// can't be had or decoded fails alone; whatever else fails is the error of all, of type Error.
func (p Place) Classify(ctx context.Context, n int, picture func(i int) ([]byte, error), decoding int) ([]Outcome, error) {
	decoder, err := p.service.decoderOf(decoding)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, n)
	logits, err := p.pictures(ctx, decoder, n, picture, func(i int, err error) error {
		if !isOfPicture(err) {
			return err
		}
		outcomes[i].Err = err
		return nil
	})
	if err != nil {
		return nil, err
	}
	classes := len(p.model.Classes)
	for i := range outcomes {
		if outcomes[i].Err != nil {
			continue
		}
		probabilities := p.model.Probabilities(logits[:classes])
		outcomes[i].Prediction = Prediction{Class: classifier.ArgMax(probabilities), Probabilities: probabilities, Logits: logits[:classes:classes]}
		logits = logits[classes:]
	}
	return outcomes, nil
}

// Pictures returns the logits, of shape [n, classes], of n pictures, which are asked for one by one so that no more than
// one file need be in memory. An error of picture is returned as it is; others are of type Error.
func (p Place) Pictures(ctx context.Context, n int, picture func(i int) ([]byte, error)) ([]float32, error) {
	return p.pictures(ctx, p.service.decoder, n, picture, func(_ int, err error) error { return err })
}

// MaxPictures is how many pictures a request may have.
func (s *Service) MaxPictures() int { return max(s.config.Limits.MaxBatch, 64) }

// Pictures of a few bytes make tensors of megabytes.
const (
	// tensorRoom is the memory for the tensors of all requests' pictures. A request waits until there is room.
	tensorRoom = 64 << 20
	// tensorPart is how much of that a request takes, or the tensor of one picture if that is more: it decodes as many
	// pictures, has them computed, and goes on with the next.
	tensorPart = 8 << 20
)

// pictures returns the logits of the pictures that could be decoded. failed is told of each other one; what it returns, if
// that is an error, ends the request.
func (p Place) pictures(
	ctx context.Context, decoder *preprocess.Decoder, n int, picture func(i int) ([]byte, error), failed func(i int, err error) error,
) ([]float32, error) {
	if limit := p.service.MaxPictures(); n > limit {
		return nil, NewError(CodeTooManyImages, "there are %d images: send at most %d in a request", n, limit)
	}
	const valueBytes = 4
	spec := p.model.Preprocess
	length := spec.TensorLen()
	part := min(n, max(1, tensorPart/(valueBytes*length)))
	room := int64(valueBytes * length * part)
	if err := p.service.tensors.Acquire(ctx, room); err != nil {
		return nil, p.service.explain(ctx, context.Cause(ctx))
	}
	defer p.service.tensors.Release(room)
	tensor, pixels := make([]float32, length*part), make([]uint8, spec.PixelLen())
	var logits []float32
	for first := 0; first < n; first += part {
		count := 0
		for i := first; i < min(n, first+part); i++ {
			if err := p.decode(ctx, decoder, tensor[count*length:(count+1)*length], pixels, i, picture); err == nil {
				count++
			} else if err := failed(i, err); err != nil {
				return nil, err
			}
		}
		if count == 0 {
			continue
		}
		computed, err := p.ticket.compute(ctx, tensor[:count*length], count)
		if err != nil {
			return nil, p.service.explain(ctx, inRequest(err, first))
		}
		logits = append(logits, computed...)
	}
	return logits, nil
}

// decode makes a tensor of one picture, by way of its pixels at the network's size, for which there is room in pixels.
func (p Place) decode(
	ctx context.Context, decoder *preprocess.Decoder, tensor []float32, pixels []uint8, i int, picture func(i int) ([]byte, error),
) error {
	data, err := picture(i)
	if err != nil {
		return err
	}
	spec, timings := p.model.Preprocess, &p.ticket.timings
	start := time.Now()
	err = decoder.Pixels(ctx, spec, pixels, data)
	decoded := time.Now()
	timings.Decode += decoded.Sub(start)
	if err != nil {
		return p.service.explain(ctx, err)
	}
	spec.Normalize(tensor, pixels)
	timings.Preprocess += time.Since(decoded)
	return nil
}

// Tensor returns the logits, of shape [n, classes], of n images that a client has preprocessed, of shape [n, 3, size,
// size]. Errors are of type Error; one for values that overflow wraps a NotFiniteError.
func (p Place) Tensor(ctx context.Context, tensor []float32, n int) ([]float32, error) {
	if length := p.model.Preprocess.TensorLen(); n < 1 || len(tensor) != n*length {
		return nil, NewError(CodeInvalidInput, "there are %d values for %d images: send %d for each", len(tensor), n, length)
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
	failure := NewError(CodeInvalidInput, "the values of image %d overflow in the network: preprocess it as the model asks", overflow.Image)
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
		return nil, NewError(CodeUnknownDecoding, "decoding %d is not known: this version knows %d and %d",
			decoding, preprocess.DecodingFirst, preprocess.Decoding)
	}
}
