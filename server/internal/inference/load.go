// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package inference

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// ErrInvalid says that the model file is missing, is another one than expected, or can't be served. Trying
// again won't help. Test with errors.Is.
var ErrInvalid = errors.New("invalid model")

// Load reads the ONNX model at path, verifies its SHA-256, in hex, unless digest is empty, and
// computes a first prediction with it. A prediction uses as many threads as given, or one per CPU.
func Load(path, digest string, threads int) (*Model, error) {
	data, sum, err := artifact.ReadVerified(path, digest, onnx.MaxFileBytes)
	switch {
	case errors.Is(err, artifact.ErrDigest), errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	case err != nil:
		return nil, err
	}
	model, err := decode(data, threads)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, path, err)
	}
	model.SHA256, model.SizeBytes = sum, int64(len(data))
	return model, nil
}

func decode(data []byte, threads int) (*Model, error) {
	file, err := onnx.Decode(data)
	if err != nil {
		return nil, err
	}
	metadata, err := file.Metadata()
	if err != nil {
		return nil, err
	}
	if err := checkInput(file.Graph, metadata.Preprocess.Size); err != nil {
		return nil, err
	}
	compiled, err := graph.Compile(file.Graph, graph.Options{Threads: threads})
	if err != nil {
		return nil, err
	}
	p := &program{compiled: compiled, classes: len(metadata.Classes)}
	// This also checks that the output is of shape [N, classes].
	if _, err := p.Predict(make([]float32, metadata.Preprocess.TensorLen()), 1); err != nil {
		return nil, fmt.Errorf("try a prediction: %w", err)
	}
	lineage := map[string]string{}
	for key, value := range map[string]string{
		"run": metadata.Run, "datasetDigest": metadata.DatasetDigest, "writtenBy": metadata.Version,
	} {
		if value != "" {
			lineage[key] = value
		}
	}
	return &Model{Predictor: p, Info: Info{
		Classes:       metadata.Classes,
		Preprocessing: metadata.Preprocess,
		Architecture:  metadata.Architecture,
		Producer:      file.Producer,
		Opset:         file.Opset,
		Metrics:       metadata.Metrics,
		Lineage:       lineage,
	}}, nil
}

func checkInput(g *graph.Graph, size int) error {
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return fmt.Errorf("the graph has %d inputs and %d outputs, want one of each", len(g.Inputs), len(g.Outputs))
	}
	shape, want := g.Inputs[0].Shape, []int{preprocess.Channels, size, size}
	if len(shape) != 4 || !slices.Equal(shape[1:], want) {
		return fmt.Errorf("the input %q is of shape %v, want [N %d %d %d] as the metadata says", g.Inputs[0].Name, shape, want[0], want[1], want[2])
	}
	return nil
}

// program is a Predictor of a compiled graph.
type program struct {
	compiled *graph.Program
	classes  int
	logits   []float32
}

func (p *program) Predict(input []float32, n int) ([]float32, error) {
	p.logits = slices.Grow(p.logits[:0], n*p.classes)[:n*p.classes]
	if err := p.compiled.Run(input, n, p.logits); err != nil {
		return nil, err
	}
	return p.logits, nil
}
