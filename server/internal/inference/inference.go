// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inference computes predictions: it loads a model and gathers the images of concurrent
// requests into batches.
package inference

import (
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Predictor computes the logits of a network: numbers for each class whose softmax are the probabilities, whatever the
// network itself yields. It is used by one goroutine at a time.
type Predictor interface {
	// Predict returns the logits, of shape [n, classes], of n images. The input is of shape
	// [n, 3, size, size], preprocessed, and valid only during the call; so are the logits
	// until the next.
	Predict(input []float32, n int) (logits []float32, err error)
}

// Model is a network and what is known of it.
type Model struct {
	Predictor
	Info
}

// Info describes a model.
type Info struct {
	// SHA256 is the digest of the model's file in hex.
	SHA256    string
	SizeBytes int64
	// Classes are the class names in the order of the logits.
	Classes []string
	// Output is what the network yields, of which a Predictor makes logits.
	Output onnx.Output
	// Alone says why images are computed one by one, and is nil if they aren't.
	Alone error
	// BatchLimit is how many images it is worth computing together; 0: any number.
	BatchLimit int
	// Preprocessing is how an image becomes the network's input.
	Preprocessing preprocess.Spec
	// Architecture, Producer and Opset say what made the file.
	Architecture string
	Producer     string
	Opset        int
	// Metrics are those of the test split at training, by name.
	Metrics map[string]float64
	// Lineage is what the file records of its origin, such as the run and the dataset's digest.
	Lineage map[string]string
}
