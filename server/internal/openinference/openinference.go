// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openinference is the Open Inference Protocol V2 for package serving: what its requests mean and how they are
// answered, however they are written. Transports read requests and write answers, as JSON, binary data or protocol buffers.
package openinference

import (
	"cmp"
	"context"
	"errors"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// Names and types of the tensors of every model.
const (
	// TensorInput is of FP32 [N,3,H,W]: images that the client has preprocessed.
	TensorInput = "input"
	// ImagesInput is of BYTES [N]: pictures as files.
	ImagesInput = "images"
	// Logits are of FP32 [N,classes].
	Logits = "logits"

	FP32  = "FP32"
	Bytes = "BYTES"
)

// firstVersion is the version of a model that was given no revision.
const firstVersion = "1"

// ServerMetadata describes the server.
type ServerMetadata struct {
	Name       string   `json:"name" example:"trainyard"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions" nullable:"false"`
}

// ModelMetadata describes a model.
type ModelMetadata struct {
	Name     string           `json:"name"`
	Versions []string         `json:"versions" nullable:"false" doc:"The revision that is served."`
	Platform string           `json:"platform" example:"onnx_onnxv1"`
	Inputs   []TensorMetadata `json:"inputs" nullable:"false" doc:"A request sends one of them."`
	Outputs  []TensorMetadata `json:"outputs" nullable:"false"`
}

// TensorMetadata describes an input or output. A dimension of -1 is free.
type TensorMetadata struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape" nullable:"false"`
}

// Request is an inference request.
type Request struct {
	Inputs []Tensor
	// Outputs are those asked for; none asks for all.
	Outputs []string
}

// Answer has the logits of a request's images.
type Answer struct {
	Model, Version string
	// Logits are of shape [Images, Classes].
	Logits          []float32
	Images, Classes int
	// Predicted are the images' most probable classes.
	Predicted []Predicted
	// Timings say what the request took.
	Timings serving.Timings
}

// Predicted is what an image was taken for.
type Predicted struct {
	Class       string
	Probability float64
}

// Shape is that of the logits.
func (a *Answer) Shape() []int64 { return []int64{int64(a.Images), int64(a.Classes)} }

// Server answers for the one model of a service.
type Server struct {
	service       *serving.Service
	name, version string
}

// New returns a Server of a service's model, whose version is its revision if it has one.
func New(service *serving.Service, name, revision string) *Server {
	return &Server{service: service, name: name, version: cmp.Or(revision, firstVersion)}
}

// Metadata describes the server.
func (s *Server) Metadata() ServerMetadata {
	return ServerMetadata{Name: "trainyard", Version: version.String(), Extensions: []string{"binary_tensor_data"}}
}

// Ready tells whether requests are to be sent here.
func (s *Server) Ready() bool { return s.service.State() == serving.Ready }

// Find is an error unless the model is served here under a name, in a version if that is given. Errors are of type
// serving.Error, as those of all methods.
func (s *Server) Find(name, version string) error {
	switch {
	case name != s.name:
		return serving.NewError(serving.CodeUnknownModel, "model %.100q is not served here: use %q", name, s.name)
	case version != "" && version != s.version:
		return serving.NewError(serving.CodeUnknownModel, "version %.100q of model %q is not served here: use %q, or name no version", version, s.name, s.version)
	default:
		return nil
	}
}

// Model describes the model.
func (s *Server) Model(name, version string) (ModelMetadata, error) {
	if err := s.Find(name, version); err != nil {
		return ModelMetadata{}, err
	}
	model, err := s.service.Model()
	if err != nil {
		return ModelMetadata{}, err
	}
	size := int64(model.Preprocess.Size)
	return ModelMetadata{
		Name:     s.name,
		Versions: []string{s.version},
		Platform: "onnx_onnxv1",
		Inputs: []TensorMetadata{
			{Name: TensorInput, Datatype: FP32, Shape: []int64{-1, preprocess.Channels, size, size}},
			{Name: ImagesInput, Datatype: Bytes, Shape: []int64{-1}},
		},
		Outputs: []TensorMetadata{{Name: Logits, Datatype: FP32, Shape: []int64{-1, int64(len(model.Classes))}}},
	}, nil
}

// Infer computes the logits of a request, which is read once it has a place among those that wait. An error of read is
// returned as it is.
func (s *Server) Infer(ctx context.Context, name, version string, read func() (Request, error)) (*Answer, error) {
	if err := s.Find(name, version); err != nil {
		return nil, err
	}
	place, err := s.service.Admit()
	if err != nil {
		return nil, err
	}
	defer place.Release()
	request, err := read()
	if err != nil {
		return nil, err
	}
	input, err := request.Input()
	if err != nil {
		return nil, err
	}
	logits, n, err := s.logits(ctx, place, input)
	if err != nil {
		return nil, err
	}
	model := place.Model()
	classes := len(model.Classes)
	answer := &Answer{Model: s.name, Version: s.version, Logits: logits, Images: n, Classes: classes, Timings: place.Timings()}
	for i := range n {
		probabilities := model.Probabilities(logits[i*classes : (i+1)*classes])
		class := classifier.ArgMax(probabilities)
		answer.Predicted = append(answer.Predicted, Predicted{Class: model.Classes[class], Probability: probabilities[class]})
	}
	return answer, nil
}

// Input is the one that a request has.
func (r *Request) Input() (*Tensor, error) {
	for i, output := range r.Outputs {
		if output != Logits || i > 0 {
			return nil, serving.NewError(serving.CodeUnknownOutput, "there is no output %.100q: ask for %q once, or omit \"outputs\"", output, Logits)
		}
	}
	switch len(r.Inputs) {
	case 0:
		return nil, invalid("there is no input: send one")
	case 1:
		return &r.Inputs[0], nil
	default:
		return nil, invalid("there are several inputs: send one")
	}
}

// logits computes those of the n images of an input.
func (s *Server) logits(ctx context.Context, place serving.Place, input *Tensor) (logits []float32, n int, err error) {
	switch {
	case input.Name == TensorInput && input.Datatype == FP32:
		values, n, err := input.Images(place.Model().Preprocess)
		if err != nil {
			return nil, 0, err
		}
		logits, err := place.Tensor(ctx, values, n)
		return logits, n, inWords(err)
	case input.Name == ImagesInput && input.Datatype == Bytes:
		n, element, err := input.Elements(s.service.MaxPictures())
		if err != nil {
			return nil, 0, err
		}
		logits, err := place.Pictures(ctx, n, element)
		return logits, n, err
	default:
		return nil, 0, serving.NewError(serving.CodeUnknownInput, "input %.100q of type %.100s is not supported: send %q as %s or %q as %s",
			input.Name, input.Datatype, TensorInput, FP32, ImagesInput, Bytes)
	}
}

// inWords says in the protocol's words that a tensor overflows.
func inWords(err error) error {
	if overflow := (*serving.NotFiniteError)(nil); errors.As(err, &overflow) {
		return invalid("the values of image %d of %q overflow in the network: send images preprocessed as /model-info says, whose values are mostly from -3 to 3",
			overflow.Image, TensorInput)
	}
	return err
}

func invalid(format string, args ...any) *serving.Error {
	return serving.NewError(serving.CodeInvalidInput, format, args...)
}
