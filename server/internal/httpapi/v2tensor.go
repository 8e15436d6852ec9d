// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

var v2RequestType = reflect.TypeFor[V2Request]()

// V2Tensor is an input tensor. Its data is an array, flat or nested, in row-major order.
type V2Tensor struct {
	Name     string          `json:"name" example:"input"`
	Datatype string          `json:"datatype" example:"FP32"`
	Shape    []int           `json:"shape"`
	Data     json.RawMessage `json:"data"`
}

func invalidInput(format string, args ...any) *Problem {
	return newProblem(http.StatusBadRequest, "invalid_input", format, args...)
}

// parseV2Request reads a request with its one input, whose data stays undecoded. Members that this
// server does not know, such as parameters, are ignored, as the protocol has it; an output that there
// is not is an error.
func parseV2Request(body []byte) (V2Request, error) {
	// Arrays of a fixed length keep what is looked at; encoding/json drops the rest, of which a body has room for millions.
	var parsed struct {
		ID      string                `json:"id"`
		Inputs  [2]*parsedTensor      `json:"inputs"`
		Outputs [2]*V2RequestedOutput `json:"outputs"`
	}
	if err := json.Unmarshal(body, &parsed); err != nil {
		return V2Request{}, newProblem(http.StatusBadRequest, "invalid_json", "the body is not an inference request in JSON: %s", jsonFault(err))
	}
	switch {
	case parsed.Inputs[0] == nil:
		return V2Request{}, invalidInput("there is no input: send one")
	case parsed.Inputs[1] != nil:
		return V2Request{}, invalidInput("there are several inputs: send one")
	}
	request := V2Request{ID: parsed.ID, Inputs: []V2Tensor{parsed.Inputs[0].tensor()}}
	for _, output := range parsed.Outputs {
		if output == nil {
			continue
		}
		if output.Name != logitsName || len(request.Outputs) > 0 {
			return V2Request{}, newProblem(http.StatusBadRequest, "unknown_output",
				"there is no output %.100q: ask for %q once, or omit \"outputs\"", output.Name, logitsName)
		}
		request.Outputs = append(request.Outputs, *output)
	}
	return request, nil
}

// parsedTensor is a V2Tensor of at most one dimension more than any has.
type parsedTensor struct {
	Name     string          `json:"name"`
	Datatype string          `json:"datatype"`
	Shape    [5]*int         `json:"shape"`
	Data     json.RawMessage `json:"data"`
}

func (p *parsedTensor) tensor() V2Tensor {
	t := V2Tensor{Name: p.Name, Datatype: p.Datatype, Data: p.Data}
	for _, size := range p.Shape {
		if size != nil {
			t.Shape = append(t.Shape, *size)
		}
	}
	return t
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

// floats returns the tensor's values if it is of shape [n, 3, size, size] with n of at least 1.
func (t V2Tensor) floats(spec preprocess.Spec) (values []float32, n int, err error) {
	want := []int{preprocess.Channels, spec.Size, spec.Size}
	if len(t.Shape) != 4 || !slices.Equal(t.Shape[1:], want) || t.Shape[0] < 1 {
		return nil, 0, invalidInput("the shape of %q is %v: send [N,%d,%d,%d] with N at least 1", t.Name, t.Shape, want[0], want[1], want[2])
	}
	n = t.Shape[0]
	// Each value takes at least a digit and a comma, so this bounds n by the body's size.
	if n > (len(t.Data)+1)/2/spec.TensorLen() {
		return nil, 0, invalidInput("%q has fewer values than its shape %v needs", t.Name, t.Shape)
	}
	values = make([]float32, 0, n*spec.TensorLen())
	if values, err = appendNumbers(values, t.Data); err != nil {
		return nil, 0, err
	}
	if len(values) != n*spec.TensorLen() {
		return nil, 0, invalidInput("%q has %d values, its shape %v needs %d", t.Name, len(values), t.Shape, n*spec.TensorLen())
	}
	return values, n, nil
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

// strings returns the tensor's elements if it is of shape [n] with n of at least 1 and at most limit.
func (t V2Tensor) strings(limit int) ([]string, error) {
	// Base64 has no commas. Millions of empty strings fit into a body, so they are counted before they are decoded.
	if bytes.Count(t.Data, []byte{','}) >= limit {
		return nil, newProblem(http.StatusBadRequest, "too_many_images", "there are more than %d images: send at most that many in a request", limit)
	}
	var elements []string
	if err := json.Unmarshal(t.Data, &elements); err != nil {
		return nil, invalidInput("the data of %q is no array of strings", t.Name)
	}
	if len(elements) == 0 || len(t.Shape) != 1 || t.Shape[0] != len(elements) {
		return nil, invalidInput("the shape of %q is %v with %d elements: send [N] with as many elements, at least 1", t.Name, t.Shape, len(elements))
	}
	return elements, nil
}
