// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/openinference"
)

const (
	octetsType = "application/octet-stream"
	// jsonLengthHeader says how much of a body is JSON, before binary data.
	jsonLengthHeader = "Inference-Header-Content-Length"
)

// V2Response is the answer to an inference request.
type V2Response struct {
	ModelName    string     `json:"model_name"`
	ModelVersion string     `json:"model_version"`
	ID           string     `json:"id,omitempty"`
	Outputs      []V2Output `json:"outputs" nullable:"false"`
}

// V2Output is an output tensor, its data flat in row-major order.
type V2Output struct {
	Name       string              `json:"name" example:"logits"`
	Datatype   string              `json:"datatype" example:"FP32"`
	Shape      []int64             `json:"shape" nullable:"false"`
	Parameters *V2OutputParameters `json:"parameters,omitempty"`
	Data       []float32           `json:"data,omitempty" nullable:"false" doc:"Left out where the values follow the JSON as binary data."`
}

// V2OutputParameters say how an output is sent.
type V2OutputParameters struct {
	BinaryDataSize int `json:"binary_data_size" doc:"Bytes of binary data after the JSON."`
}

type (
	v2ServerOutput struct{ Body openinference.ServerMetadata }
	v2ModelInput   struct {
		Name string `path:"name" doc:"The model's name."`
	}
	v2VersionInput struct {
		Name    string `path:"name" doc:"The model's name."`
		Version string `path:"version" doc:"The model's version: its revision."`
	}
	v2ModelOutput struct{ Body openinference.ModelMetadata }
	v2InferInput  struct {
		Name       string `path:"name" doc:"The model's name."`
		JSONLength int    `header:"Inference-Header-Content-Length" minimum:"1" doc:"How many bytes of the body are JSON. The binary data of inputs follow."`
		RawBody    []byte `contentType:"application/json"`
	}
	v2InferVersionInput struct {
		Name       string `path:"name" doc:"The model's name."`
		Version    string `path:"version" doc:"The model's version: its revision."`
		JSONLength int    `header:"Inference-Header-Content-Length" minimum:"1" doc:"How many bytes of the body are JSON. The binary data of inputs follow."`
		RawBody    []byte `contentType:"application/json"`
	}
	v2InferOutput struct {
		ContentType string `header:"Content-Type" hidden:"true"`
		JSONLength  string `header:"Inference-Header-Content-Length" doc:"How many bytes of the body are JSON, if binary data follow."`
		Body        []byte
	}
	v2LiveOutput struct {
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
			return &v2ServerOutput{Body: s.v2.Metadata()}, nil
		})
	register(s, api, get("v2-model", v2ModelPath, "Describe the model's inputs and outputs", http.StatusNotFound, http.StatusServiceUnavailable),
		func(_ context.Context, input *v2ModelInput) (*v2ModelOutput, error) { return s.v2Model(input.Name, "") })
	register(s, api, get("v2-model-version", v2VersionPath, "Describe a version's inputs and outputs", http.StatusNotFound, http.StatusServiceUnavailable),
		func(_ context.Context, input *v2VersionInput) (*v2ModelOutput, error) {
			return s.v2Model(input.Name, input.Version)
		})
	register(s, api, get("v2-model-ready", v2ReadyPath, "Check the readiness of the model", http.StatusNotFound, http.StatusServiceUnavailable),
		func(_ context.Context, input *v2ModelInput) (*v2ReadyOutput, error) {
			return s.v2ModelReady(input.Name, "")
		})
	register(s, api, get("v2-model-version-ready", v2VersionReadyPath, "Check the readiness of a version", http.StatusNotFound, http.StatusServiceUnavailable),
		func(_ context.Context, input *v2VersionInput) (*v2ReadyOutput, error) {
			return s.v2ModelReady(input.Name, input.Version)
		})
	register(s, api, v2InferOperation(api, "v2-infer", v2InferPath),
		func(ctx context.Context, input *v2InferInput) (*v2InferOutput, error) {
			return s.v2Infer(ctx, input.Name, "", input.RawBody, input.JSONLength)
		})
	register(s, api, v2InferOperation(api, "v2-infer-version", v2VersionInferPath),
		func(ctx context.Context, input *v2InferVersionInput) (*v2InferOutput, error) {
			return s.v2Infer(ctx, input.Name, input.Version, input.RawBody, input.JSONLength)
		})
}

// v2InferOperation describes an inference endpoint.
func v2InferOperation(api huma.API, id, path string) huma.Operation {
	schema := func(t reflect.Type) *huma.Schema { return api.OpenAPI().Components.Schemas.Schema(t, true, t.Name()) }
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "JSON, and the binary data of tensors after it."}
	return huma.Operation{
		OperationID: id,
		Method:      http.MethodPost,
		Path:        path,
		Summary:     "Compute logits",
		Description: "Takes one input: \"input\", FP32 [N,3,H,W], preprocessed, or \"images\", BYTES [N], pictures: in base64 in JSON, as they are in binary data.",
		Errors:      []int{400, 404, 408, 413, 415, 422, 503, 504},
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{
			jsonType: {Schema: schema(v2RequestType)}, octetsType: {Schema: binary},
		}},
		Responses: map[string]*huma.Response{"200": {
			Description: "The logits.",
			Content: map[string]*huma.MediaType{
				jsonType: {Schema: schema(reflect.TypeFor[V2Response]())}, octetsType: {Schema: binary},
			},
		}},
		SkipValidateBody: true,
	}
}

func (s *Server) v2Ready() (*v2ReadyOutput, error) {
	if !s.v2.Ready() {
		return nil, newProblem(http.StatusServiceUnavailable, "not_ready", "the server is %s: send requests to another server", s.service.State())
	}
	output := &v2ReadyOutput{}
	output.Body.Ready = true
	return output, nil
}

func (s *Server) v2ModelReady(name, version string) (*v2ReadyOutput, error) {
	if err := s.v2.Find(name, version); err != nil {
		return nil, err
	}
	return s.v2Ready()
}

func (s *Server) v2Model(name, version string) (*v2ModelOutput, error) {
	model, err := s.v2.Model(name, version)
	if err != nil {
		return nil, err
	}
	return &v2ModelOutput{Body: model}, nil
}

func (s *Server) v2Infer(ctx context.Context, name, version string, body []byte, jsonLength int) (*v2InferOutput, error) {
	defer s.connections.keep(ctx)()
	var request v2Request
	answer, err := s.v2.Infer(ctx, name, version, func() (openinference.Request, error) {
		var err error
		if request, err = parseV2Request(body, jsonLength); err != nil {
			return openinference.Request{}, err
		}
		return request.Request, nil
	})
	if err != nil {
		return nil, err
	}
	recordAnswer(ctx, answer)
	return v2Output(answer, &request)
}

// v2Output is an answer as a request asks for it.
func v2Output(answer *openinference.Answer, request *v2Request) (*v2InferOutput, error) {
	logits := V2Output{Name: openinference.Logits, Datatype: openinference.FP32, Shape: answer.Shape()}
	var binary []byte
	if request.binaryOutput {
		binary = openinference.AppendRaw(nil, answer.Logits)
		logits.Parameters = &V2OutputParameters{BinaryDataSize: len(binary)}
	} else {
		logits.Data = answer.Logits
	}
	document, err := json.Marshal(V2Response{ModelName: answer.Model, ModelVersion: answer.Version, ID: request.id, Outputs: []V2Output{logits}})
	if err != nil {
		return nil, err
	}
	output := &v2InferOutput{ContentType: jsonType, Body: document}
	if request.binaryOutput {
		output.ContentType, output.JSONLength = octetsType, strconv.Itoa(len(document))
		output.Body = append(output.Body, binary...)
	}
	return output, nil
}
