// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package grpcapi

import (
	"context"

	"github.com/trainyard-dev/trainyard/server/internal/grpcapi/inferencepb"
	"github.com/trainyard-dev/trainyard/server/internal/openinference"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

func (a *api) modelInfer(ctx context.Context, request *inferencepb.ModelInferRequest) (*inferencepb.ModelInferResponse, error) {
	answer, err := a.backend.Infer(ctx, request.GetModelName(), request.GetModelVersion(), func() (openinference.Request, error) {
		return read(request)
	})
	if err != nil {
		return nil, err
	}
	response := &inferencepb.ModelInferResponse{
		ModelName: answer.Model, ModelVersion: answer.Version, Id: request.GetId(),
		Outputs: []*inferencepb.ModelInferResponse_InferOutputTensor{{
			Name: openinference.Logits, Datatype: openinference.FP32, Shape: answer.Shape(),
		}},
	}
	// A client that sends raw values reads raw values.
	if len(request.GetRawInputContents()) > 0 {
		response.RawOutputContents = [][]byte{openinference.AppendRaw(nil, answer.Logits)}
	} else {
		response.Outputs[0].Contents = &inferencepb.InferTensorContents{Fp32Contents: answer.Logits}
	}
	return response, nil
}

// read is a request whose values stay where they are.
func read(request *inferencepb.ModelInferRequest) (openinference.Request, error) {
	var (
		converted openinference.Request
		inputs    = request.GetInputs()
		raw       = request.GetRawInputContents()
	)
	if len(raw) > 0 && len(raw) != len(inputs) {
		return converted, invalid("there are %d raw_input_contents for %d inputs: send one for each, or none", len(raw), len(inputs))
	}
	for i, input := range inputs {
		tensor := openinference.Tensor{Name: input.GetName(), Datatype: input.GetDatatype(), Shape: input.GetShape()}
		switch contents := input.GetContents(); {
		case len(raw) > 0 && contents != nil:
			return converted, invalid("input %.100q has both contents and raw_input_contents: send one of them", input.GetName())
		case len(raw) > 0:
			tensor.Data = openinference.Raw(raw[i])
		case tensor.Datatype == openinference.Bytes:
			tensor.Data = openinference.ByteStrings(contents.GetBytesContents())
		default:
			tensor.Data = openinference.Numbers(contents.GetFp32Contents())
		}
		converted.Inputs = append(converted.Inputs, tensor)
	}
	for _, output := range request.GetOutputs() {
		converted.Outputs = append(converted.Outputs, output.GetName())
	}
	return converted, nil
}

func invalid(format string, args ...any) error {
	return serving.NewError(serving.CodeInvalidInput, format, args...)
}
