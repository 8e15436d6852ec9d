// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package evaluate measures classifiers on labeled images.
package evaluate

import (
	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/model"
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
	input := &tensor.Tensor{Shape: append([]int{n}, c.InputShape()...), Data: images}
	return c.Forward(input, false).Data, nil
}

// Model is an exported model as a Classifier.
type Model struct{ *classifier.Model }

// Classes implements Classifier.
func (m *Model) Classes() int { return len(m.Metadata.Classes) }

// LoadModel is classifier.Load of any model.
func LoadModel(path string, threads int) (*Model, error) {
	return asModel(classifier.Load(path, "", classifier.Options{Threads: threads}))
}

// ReadModel is classifier.Read of a file's content.
func ReadModel(data []byte, threads int) (*Model, error) {
	return asModel(classifier.Read(data, classifier.Options{Threads: threads}))
}

func asModel(model *classifier.Model, err error) (*Model, error) {
	if err != nil {
		return nil, err
	}
	return &Model{model}, nil
}
