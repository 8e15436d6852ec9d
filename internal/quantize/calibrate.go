// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantize

import (
	"errors"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// extremes are the least and the largest finite value of a tensor, and 0. Cutting the rarest values off, for finer steps in
// between, was tried: by percentiles or by the least squared error of the tensor, the logits' error grew. The largest
// values are what max pooling and the next layer live on.
type extremes struct{ low, high float64 }

// add takes values into account.
func (e *extremes) add(values []float32) {
	low, high := float32(e.low), float32(e.high)
	for _, v := range values {
		if v-v == 0 { // finite
			low, high = min(low, v), max(high, v)
		}
	}
	e.low, e.high = float64(low), float64(high)
}

// calibrate finds the ranges of the observed tensors.
func (q *quantizer) calibrate(file *onnxpb.ModelProto, samples iter.Seq2[[]float32, error]) error {
	encoded, err := proto.Marshal(file)
	if err != nil {
		return err
	}
	model, err := onnx.Decode(encoded)
	if err != nil {
		return fmt.Errorf("read the model back: %w", err)
	}
	if len(model.Graph.Inputs) != 1 {
		return fmt.Errorf("%w: it has %d inputs, which samples of one do not fill", ErrNotQuantizable, len(model.Graph.Inputs))
	}
	input := model.Graph.Inputs[0].Name
	model.Graph.Outputs = nil
	for _, name := range q.observed {
		if name != input {
			model.Graph.Outputs = append(model.Graph.Outputs, graph.Value{Name: name})
		}
	}
	observed, err := observe(model.Graph, samples)
	if err != nil {
		return err
	}
	for name, e := range observed {
		q.ranges[name] = graph.ScaleOf(e.low, e.high)
	}
	for name := range q.inherited {
		from := name
		for q.inherited[from] != "" {
			from = q.inherited[from]
		}
		q.ranges[name] = q.ranges[from]
	}
	return nil
}

// observe runs samples through a graph and returns the extremes of its input and of its outputs.
func observe(g *graph.Graph, samples iter.Seq2[[]float32, error]) (map[string]*extremes, error) {
	observed := map[string]*extremes{g.Inputs[0].Name: {}}
	for _, output := range g.Outputs {
		observed[output.Name] = &extremes{}
	}
	sample, err := graph.Elements(g.Inputs[0].Shape[1:])
	if err != nil {
		return nil, err
	}
	if len(g.Outputs) == 0 { // only the input is quantized
		for batch, err := range samples {
			if err != nil {
				return nil, fmt.Errorf("calibrate: %w", err)
			}
			observed[g.Inputs[0].Name].add(batch)
		}
		return observed, nil
	}
	program, err := graph.Compile(g, graph.Options{})
	if err != nil {
		return nil, err
	}
	sessions := map[int]*graph.Session{}
	for batch, err := range samples {
		if err != nil {
			return nil, fmt.Errorf("calibrate: %w", err)
		}
		n := len(batch) / max(sample, 1)
		if n == 0 || n*sample != len(batch) {
			return nil, fmt.Errorf("calibrate: a batch has %d elements, a sample %d", len(batch), sample)
		}
		if sessions[n] == nil {
			if sessions[n], err = program.NewSession(n); err != nil {
				return nil, fmt.Errorf("calibrate: %w", err)
			}
		}
		session := sessions[n]
		copy(session.Input(0), batch)
		session.Run()
		observed[g.Inputs[0].Name].add(batch)
		for i, output := range g.Outputs {
			observed[output.Name].add(session.Output(i))
		}
	}
	if len(sessions) == 0 {
		return nil, errors.New("calibrate: there are no samples")
	}
	return observed, nil
}
