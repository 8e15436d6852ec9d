// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// Names and types of the Open Inference Protocol V2 as this server speaks it.
const (
	tensorInput = "input"  // FP32 [N,3,H,W], preprocessed
	imagesInput = "images" // BYTES [N], encoded images in base64
	logitsName  = "logits" // FP32 [N,classes]

	datatypeFP32  = "FP32"
	datatypeBytes = "BYTES"
)

// V2Server is the server metadata of the Open Inference Protocol.
type V2Server struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

// V2Model is the model metadata of the Open Inference Protocol.
type V2Model struct {
	Name     string             `json:"name"`
	Versions []string           `json:"versions,omitempty"`
	Platform string             `json:"platform" example:"onnx_onnxv1"`
	Inputs   []V2TensorMetadata `json:"inputs" doc:"A request sends one of them."`
	Outputs  []V2TensorMetadata `json:"outputs"`
}

// V2TensorMetadata describes an input or output. A dimension of -1 is free.
type V2TensorMetadata struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

// V2Request is an inference request.
type V2Request struct {
	ID      string              `json:"id,omitempty"`
	Inputs  []V2Tensor          `json:"inputs"`
	Outputs []V2RequestedOutput `json:"outputs,omitempty" doc:"Requested outputs. Empty requests all of them."`
}

// V2RequestedOutput names an output that a request asks for.
type V2RequestedOutput struct {
	Name string `json:"name" example:"logits"`
}

// V2Response is the answer to an inference request.
type V2Response struct {
	ModelName    string     `json:"model_name"`
	ModelVersion string     `json:"model_version,omitempty"`
	ID           string     `json:"id,omitempty"`
	Outputs      []V2Output `json:"outputs"`
}

// V2Output is an output tensor, its data flat in row-major order.
type V2Output struct {
	Name     string    `json:"name"`
	Datatype string    `json:"datatype"`
	Shape    []int     `json:"shape"`
	Data     []float32 `json:"data"`
}

type (
	v2ServerOutput struct{ Body V2Server }
	v2ModelInput   struct {
		Name string `path:"name" doc:"The model's name."`
	}
	v2ModelOutput struct{ Body V2Model }
	v2InferInput  struct {
		Name    string `path:"name" doc:"The model's name."`
		RawBody []byte `contentType:"application/json"`
	}
	v2InferOutput struct{ Body V2Response }
	v2LiveOutput  struct {
		Body struct {
			Live bool `json:"live"`
		}
	}
	v2ReadyOutput struct {
		Body struct {
			Ready bool `json:"ready"`
		}
	}
)

func (s *Server) registerV2(api huma.API) {
	get := func(id, path, summary string, errs ...int) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Errors: errs}
	}
	register(s, api, get("v2-live", contract.LivePath, "Check liveness"),
		func(context.Context, *empty) (*v2LiveOutput, error) {
			output := &v2LiveOutput{}
			output.Body.Live = true
			return output, nil
		})
	register(s, api, get("v2-ready", contract.ReadyPath, "Check readiness", http.StatusServiceUnavailable),
		func(context.Context, *empty) (*v2ReadyOutput, error) { return s.v2Ready() })
	register(s, api, get("v2-server", v2Path, "Describe the server"),
		func(context.Context, *empty) (*v2ServerOutput, error) {
			return &v2ServerOutput{Body: V2Server{Name: "trainyard", Version: version.String(), Extensions: []string{}}}, nil
		})
	register(s, api, get("v2-model", v2ModelPath, "Describe the model's inputs and outputs", http.StatusNotFound, http.StatusServiceUnavailable), s.v2Model)
	register(s, api, get("v2-model-ready", v2ReadyPath, "Check the readiness of the model", http.StatusNotFound, http.StatusServiceUnavailable),
		func(_ context.Context, input *v2ModelInput) (*v2ReadyOutput, error) {
			if err := s.checkModelName(input.Name); err != nil {
				return nil, err
			}
			return s.v2Ready()
		})
	register(s, api, huma.Operation{
		OperationID: "v2-infer",
		Method:      http.MethodPost,
		Path:        v2InferPath,
		Summary:     "Compute logits",
		Description: "Takes one input: \"input\", FP32 [N,3,H,W], preprocessed, or \"images\", BYTES [N], encoded images in base64.",
		Errors:      []int{400, 404, 408, 413, 415, 503, 504},
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{
			"application/json": {Schema: api.OpenAPI().Components.Schemas.Schema(v2RequestType, true, "V2Request")},
		}},
		SkipValidateBody: true,
	}, s.v2Infer)
}

func (s *Server) v2Ready() (*v2ReadyOutput, error) {
	if state := s.service.State(); state != serving.Ready {
		return nil, newProblem(http.StatusServiceUnavailable, "not_ready", "the server is %s: send requests to another server", state)
	}
	output := &v2ReadyOutput{}
	output.Body.Ready = true
	return output, nil
}

func (s *Server) checkModelName(name string) error {
	if name != s.config.Name {
		return newProblem(http.StatusNotFound, "unknown_model", "model %q is not served here: use %q", name, s.config.Name)
	}
	return nil
}

func (s *Server) v2Model(_ context.Context, input *v2ModelInput) (*v2ModelOutput, error) {
	if err := s.checkModelName(input.Name); err != nil {
		return nil, err
	}
	model, err := s.service.Model()
	if err != nil {
		return nil, err
	}
	size := model.Preprocess.Size
	output := &v2ModelOutput{Body: V2Model{
		Name:     s.config.Name,
		Platform: "onnx_onnxv1",
		Inputs: []V2TensorMetadata{
			{Name: tensorInput, Datatype: datatypeFP32, Shape: []int{-1, preprocess.Channels, size, size}},
			{Name: imagesInput, Datatype: datatypeBytes, Shape: []int{-1}},
		},
		Outputs: []V2TensorMetadata{{Name: logitsName, Datatype: datatypeFP32, Shape: []int{-1, len(model.Classes)}}},
	}}
	if s.config.Revision != "" {
		output.Body.Versions = []string{s.config.Revision}
	}
	return output, nil
}

func (s *Server) v2Infer(ctx context.Context, input *v2InferInput) (*v2InferOutput, error) {
	if err := s.checkModelName(input.Name); err != nil {
		return nil, err
	}
	place, err := s.service.Admit()
	if err != nil {
		return nil, err
	}
	defer place.Release()
	defer s.connections.keep(ctx)()
	request, err := parseV2Request(input.RawBody)
	if err != nil {
		return nil, err
	}
	logits, n, err := v2Logits(ctx, place, request.Inputs[0])
	if err != nil {
		return nil, err
	}
	names := place.Model().Classes
	for i := range n {
		recordPredictions(ctx, names[classifier.ArgMax(logits[i*len(names):(i+1)*len(names)])])
	}
	return &v2InferOutput{Body: V2Response{
		ModelName:    s.config.Name,
		ModelVersion: s.config.Revision,
		ID:           request.ID,
		Outputs:      []V2Output{{Name: logitsName, Datatype: datatypeFP32, Shape: []int{n, len(names)}, Data: logits}},
	}}, nil
}

// v2Logits computes the logits of the n images of an input.
func v2Logits(ctx context.Context, place serving.Place, input V2Tensor) (logits []float32, n int, err error) {
	switch {
	case input.Name == tensorInput && input.Datatype == datatypeFP32:
		return v2TensorLogits(ctx, place, input)
	case input.Name == imagesInput && input.Datatype == datatypeBytes:
		return v2ImageLogits(ctx, place, input)
	default:
		return nil, 0, newProblem(http.StatusBadRequest, "unknown_input",
			"input %.100q of type %.100s is not supported: send %q as %s or %q as %s", input.Name, input.Datatype, tensorInput, datatypeFP32, imagesInput, datatypeBytes)
	}
}

// v2TensorLogits computes the logits of images that the client has preprocessed.
func v2TensorLogits(ctx context.Context, place serving.Place, input V2Tensor) (logits []float32, n int, err error) {
	tensor, n, err := input.floats(place.Model().Preprocess)
	if err != nil {
		return nil, 0, err
	}
	if logits, err = place.Tensor(ctx, tensor, n); err != nil {
		return nil, 0, v2TensorFailure(err)
	}
	return logits, n, nil
}

// v2TensorFailure says in the protocol's words that a tensor overflows.
func v2TensorFailure(err error) error {
	if overflow := (*serving.NotFiniteError)(nil); errors.As(err, &overflow) {
		return invalidInput("the values of image %d of %q overflow in the network: send images preprocessed as /model-info says, whose values are mostly from -3 to 3",
			overflow.Image, tensorInput)
	}
	return err
}

// v2ImageLogits computes the logits of encoded images.
func v2ImageLogits(ctx context.Context, place serving.Place, input V2Tensor) (logits []float32, n int, err error) {
	images, err := input.strings(place.MaxPictures())
	if err != nil {
		return nil, 0, err
	}
	logits, err = place.Pictures(ctx, len(images), func(i int) ([]byte, error) {
		data, err := base64.StdEncoding.DecodeString(images[i])
		if err != nil {
			return nil, invalidInput("image %d is not base64: %v", i, err)
		}
		return data, nil
	})
	return logits, len(images), err
}
