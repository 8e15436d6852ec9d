// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package inference

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx"
)

// ErrInvalid says that the model file is another one than expected or can't be served. Trying
// again won't help. Test with errors.Is.
var ErrInvalid = errors.New("invalid model")

// Options say how a model is loaded.
type Options struct {
	// SHA256 is what the file's digest must be, in hex; empty: anything.
	SHA256 string
	// Output is what the network's numbers mean; empty: what its metadata says, or what is found out.
	Output onnx.Output
	// Threads are those of a prediction; 0: one per CPU.
	Threads int
}

// Load reads the ONNX model at path, verifies its digest, and computes first predictions with it.
func Load(path string, options Options) (*Model, error) {
	data, sum, err := artifact.ReadVerified(path, options.SHA256, onnx.MaxFileBytes)
	switch {
	case errors.Is(err, artifact.ErrDigest):
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	case errors.Is(err, fs.ErrNotExist):
		// Its volume may be late: nothing is known about the file itself.
		return nil, fmt.Errorf("the model file isn't there yet, or its volume isn't mounted: %w", err)
	case err != nil:
		return nil, err
	}
	model, err := decode(data, options)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, path, err)
	}
	model.SHA256, model.SizeBytes = sum, int64(len(data))
	return model, nil
}

func decode(data []byte, options Options) (*Model, error) {
	file, err := onnx.Decode(data)
	if err != nil {
		return nil, err
	}
	metadata, err := file.Metadata()
	if err != nil {
		return nil, err
	}
	metadata.Output = cmp.Or(options.Output, metadata.Output)
	classifier, err := file.Classifier(metadata, graph.Options{Threads: options.Threads})
	if err != nil {
		return nil, err
	}
	lineage := map[string]string{}
	for key, value := range map[string]string{
		"run": metadata.Run, "datasetDigest": metadata.DatasetDigest, "writtenBy": metadata.Version,
	} {
		if value != "" {
			lineage[key] = value
		}
	}
	return &Model{Predictor: predictor{classifier}, Info: Info{
		Classes:       metadata.Classes,
		Output:        classifier.Output(),
		Alone:         classifier.Alone(),
		BatchLimit:    classifier.BatchLimit(),
		Preprocessing: metadata.Preprocess,
		Architecture:  metadata.Architecture,
		Producer:      file.Producer,
		Opset:         file.Opset,
		Metrics:       metadata.Metrics,
		Lineage:       lineage,
	}}, nil
}

// predictor is a Predictor of a Classifier.
type predictor struct{ *onnx.Classifier }

func (p predictor) Predict(input []float32, n int) ([]float32, error) { return p.Logits(input, n) }
