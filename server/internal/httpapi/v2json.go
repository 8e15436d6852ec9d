// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/trainyard-dev/trainyard/server/internal/openinference"
)

var v2RequestType = reflect.TypeFor[V2Request]()

// V2Request is an inference request, as /openapi.json describes it.
type V2Request struct {
	ID         string               `json:"id,omitempty"`
	Parameters *V2RequestParameters `json:"parameters,omitempty"`
	Inputs     []V2Tensor           `json:"inputs" nullable:"false" minItems:"1" maxItems:"1"`
	Outputs    []V2RequestedOutput  `json:"outputs,omitempty" nullable:"false" maxItems:"1" doc:"Requested outputs. Empty requests all of them."`
}

// V2RequestParameters say how a request is answered.
type V2RequestParameters struct {
	BinaryDataOutput bool `json:"binary_data_output,omitempty" doc:"Answer all outputs as binary data."`
}

// V2Tensor is an input tensor. Its data is an array, flat or nested, in row-major order.
type V2Tensor struct {
	Name       string              `json:"name" enum:"input,images"`
	Datatype   string              `json:"datatype" enum:"FP32,BYTES"`
	Shape      []int64             `json:"shape" nullable:"false"`
	Parameters *V2TensorParameters `json:"parameters,omitempty"`
	Data       []any               `json:"data,omitempty" nullable:"false" doc:"Numbers, or pictures in base64."`
}

// V2TensorParameters say how an input is sent.
type V2TensorParameters struct {
	BinaryDataSize int64 `json:"binary_data_size,omitempty" doc:"Bytes of binary data after the JSON."`
}

// V2RequestedOutput names an output that a request asks for.
type V2RequestedOutput struct {
	Name       string              `json:"name" enum:"logits"`
	Parameters *V2OutputPreference `json:"parameters,omitempty"`
}

// V2OutputPreference says how an output is to be sent.
type V2OutputPreference struct {
	BinaryData bool `json:"binary_data,omitempty" doc:"Answer this output as binary data."`
}

func invalidInput(format string, args ...any) *Problem {
	return newProblem(http.StatusBadRequest, "invalid_input", format, args...)
}

// v2Request is an inference request as it was sent.
type v2Request struct {
	openinference.Request
	id           string
	binaryOutput bool
}

// parseV2Request reads a request, whose first jsonLength bytes are JSON; 0: all of them. The values of inputs stay
// undecoded. Members that this server does not know are ignored, as the protocol has it.
func parseV2Request(body []byte, jsonLength int) (v2Request, error) {
	var binary []byte
	if jsonLength > 0 {
		if jsonLength > len(body) {
			return v2Request{}, invalidInput("%s is %d, and the body has %d bytes: say how many of its bytes are JSON", jsonLengthHeader, jsonLength, len(body))
		}
		body, binary = body[:jsonLength], body[jsonLength:]
	}
	// Arrays of a fixed length keep what is looked at; encoding/json drops the rest, of which a body has room for millions.
	var parsed struct {
		ID         string                `json:"id"`
		Parameters V2RequestParameters   `json:"parameters"`
		Inputs     [2]*parsedTensor      `json:"inputs"`
		Outputs    [2]*V2RequestedOutput `json:"outputs"`
	}
	if err := json.Unmarshal(body, &parsed); err != nil {
		return v2Request{}, newProblem(http.StatusBadRequest, "invalid_json", "the body is not an inference request in JSON: %s", jsonFault(err))
	}
	request := v2Request{id: parsed.ID, binaryOutput: parsed.Parameters.BinaryDataOutput}
	for _, input := range parsed.Inputs {
		if input == nil {
			continue
		}
		tensor, err := input.tensor(&binary)
		if err != nil {
			return v2Request{}, err
		}
		request.Inputs = append(request.Inputs, tensor)
	}
	if len(binary) > 0 {
		return v2Request{}, invalidInput("%d bytes of binary data belong to no input: say binary_data_size in the parameters of an input", len(binary))
	}
	for _, output := range parsed.Outputs {
		if output == nil {
			continue
		}
		request.Outputs = append(request.Outputs, output.Name)
		if output.Parameters != nil {
			request.binaryOutput = output.Parameters.BinaryData
		}
	}
	return request, nil
}

// parsedTensor is a V2Tensor of at most one dimension more than any has.
type parsedTensor struct {
	Name       string             `json:"name"`
	Datatype   string             `json:"datatype"`
	Shape      [5]*int64          `json:"shape"`
	Parameters V2TensorParameters `json:"parameters"`
	Data       json.RawMessage    `json:"data"`
}

// tensor is the input, whose binary data, if it has some, are taken from those that are left.
func (p *parsedTensor) tensor(binary *[]byte) (openinference.Tensor, error) {
	t := openinference.Tensor{Name: p.Name, Datatype: p.Datatype, Data: jsonData(p.Data)}
	for _, size := range p.Shape {
		if size != nil {
			t.Shape = append(t.Shape, *size)
		}
	}
	size := p.Parameters.BinaryDataSize
	switch {
	case size == 0:
		return t, nil
	case p.Data != nil:
		return t, invalidInput("input %.100q has data both in JSON and as binary data: send one of them", p.Name)
	case size < 0 || size > int64(len(*binary)):
		return t, invalidInput("input %.100q says %d bytes of binary data, and there are %d after the JSON: say how long that is in the header %s",
			p.Name, size, len(*binary), jsonLengthHeader)
	}
	t.Data = openinference.Raw((*binary)[:size])
	*binary = (*binary)[size:]
	return t, nil
}

// jsonFault says what is wrong with a document, without the names of Go's types.
func jsonFault(err error) string {
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Sprintf("it is a JSON %s, want an object", kind.Value)
	case errors.As(err, &kind):
		return fmt.Sprintf("%q can't be a %s", kind.Field, kind.Value)
	case errors.As(err, &syntax):
		return fmt.Sprintf("%v at byte %d", syntax, syntax.Offset)
	default:
		return "it can't be read"
	}
}

// jsonData are values as JSON has them: numbers however nested, or byte strings in base64. They are known to be valid JSON.
type jsonData []byte

// Floats implements openinference.Data.
func (d jsonData) Floats(want int) ([]float32, error) {
	// Each value takes at least a digit and a comma, so this bounds want by the body's size.
	if want > (len(d)+1)/2 {
		return nil, invalidInput("there are fewer values than the %d that the shape needs", want)
	}
	values, err := appendNumbers(make([]float32, 0, want), d)
	if err != nil {
		return nil, err
	}
	if len(values) != want {
		return nil, invalidInput("there are %d values, the shape needs %d", len(values), want)
	}
	return values, nil
}

// Elements implements openinference.Data.
func (d jsonData) Elements(limit int) (n int, element func(i int) ([]byte, error), err error) {
	// Base64 has no commas. Millions of empty strings fit into a body, so they are counted before they are decoded.
	if bytes.Count(d, []byte{','}) >= limit {
		return 0, nil, openinference.TooMany(limit)
	}
	var elements []string
	if err := json.Unmarshal(d, &elements); err != nil {
		return 0, nil, invalidInput("the data are no array of strings")
	}
	return len(elements), func(i int) ([]byte, error) {
		data, err := base64.StdEncoding.DecodeString(elements[i])
		if err != nil {
			return nil, invalidInput("image %d is not base64: %v", i, err)
		}
		return data, nil
	}, nil
}

// appendNumbers appends the numbers of a JSON array, however nested, in their order. The array is
// known to be valid JSON; decoding it through reflection would take most of a request's time.
func appendNumbers(values []float32, array []byte) ([]float32, error) {
	for len(array) > 0 {
		switch c := array[0]; {
		case c == '[' || c == ']' || c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r':
			array = array[1:]
		case c == '-' || '0' <= c && c <= '9':
			end := bytes.IndexAny(array, ",] \t\r\n")
			if end < 0 {
				end = len(array)
			}
			v, err := strconv.ParseFloat(string(array[:end]), 32)
			if err != nil {
				return nil, invalidInput("data: %.40s is no number of 32 bits", array[:end])
			}
			if len(values) == cap(values) {
				return nil, invalidInput("data has more values than its shape needs")
			}
			values = append(values, float32(v))
			array = array[end:]
		default:
			return nil, invalidInput("data must be an array of numbers")
		}
	}
	return values, nil
}
