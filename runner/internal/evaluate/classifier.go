// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package evaluate measures classifiers on labelled images.
package evaluate

import (
	"errors"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx"
)

// Classifier answers images with logits. It serves one caller at a time.
type Classifier interface {
	// Classes is the number of classes.
	Classes() int
	// Logits returns the logits [n, classes] of images [n, 3, size, size]. They are valid until the next call.
	Logits(images []float32, n int) ([]float32, error)
}

// Network is a network in training as a Classifier.
type Network struct{ *model.Network }

// Logits implements Classifier.
func (c Network) Logits(images []float32, n int) ([]float32, error) {
	input := &engine.Tensor{Shape: append([]int{n}, c.InputShape()...), Data: images}
	return c.Forward(input, false).Data, nil
}

// Model is an exported model as a Classifier.
type Model struct {
	*onnx.Classifier

	Metadata *onnx.Metadata
}

// ErrNoClassifier says that a file is no model that images can be classified with here.
var ErrNoClassifier = errors.New("not a classifier written by Trainyard")

// ReadModel reads the content of an ONNX file that Trainyard wrote. Errors wrap ErrNoClassifier.
func ReadModel(data []byte, threads int) (*Model, error) {
	file, err := onnx.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoClassifier, err)
	}
	metadata, err := file.Metadata()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoClassifier, err)
	}
	classifier, err := file.Classifier(metadata, graph.Options{Threads: threads})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoClassifier, err)
	}
	return &Model{Metadata: metadata, Classifier: classifier}, nil
}

// Classes implements Classifier.
func (m *Model) Classes() int { return len(m.Metadata.Classes) }
