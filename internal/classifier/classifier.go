// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package classifier loads image classifiers from ONNX files, for all programs alike: the runner, which has written one or
// measures it, and the server. A file is read within bounds, held against its digest, decoded, compiled and tried before
// anyone relies on it, so that what one program publishes the other serves.
package classifier

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx"
)

// ErrInvalid says that a model file is another one than expected, or no classifier that works here. Trying again won't
// help. Test with errors.Is.
var ErrInvalid = errors.New("invalid model")

// Predictor computes the logits of a network: numbers for each class whose softmax are the probabilities, whatever the
// network itself yields. It is used by one goroutine at a time.
type Predictor interface {
	// Logits returns the logits, of shape [n, classes], of n images. The input is of shape
	// [n, 3, size, size], preprocessed, and valid only during the call; so are the logits
	// until the next.
	Logits(images []float32, n int) (logits []float32, err error)
}

// Model is a classifier and what is known of it.
type Model struct {
	Predictor
	Info
}

// Info describes a model.
type Info struct {
	// Metadata is what the file says about itself, with what was told or assumed where it doesn't.
	*onnx.Metadata
	// Assumed says what neither the file nor anybody has said, a field and its value each.
	Assumed []string
	// SHA256 is the digest of the file in hex.
	SHA256    string
	SizeBytes int64
	// Output is what the network yields, of which a Predictor makes logits. It hides Metadata's, which is only a claim.
	Output onnx.Output
	// Alone says why images are computed one by one, and is nil if they aren't.
	Alone error
	// BatchLimit is how many images it is worth computing together; 0: any number.
	BatchLimit int
	// Temperature is what logits are divided by before their softmax, where that was asked for; else it is 0. It hides
	// Metadata's, which is there to be asked for.
	Temperature float64
	// Producer and Opset say what made the file.
	Producer string
	Opset    int
}

// Options say how a model is used.
type Options struct {
	// Told is what is said of the model beside its file.
	Told Told
	// Threads are those of a prediction; 0: one per CPU.
	Threads int
	// Fastest computes by the kernels that are fastest on this CPU, whose results may differ from another CPU's in their last
	// bits, instead of those that all CPUs of an architecture share.
	Fastest bool
}

// Load reads the model at path, whose digest must be digest, in hex, unless that is empty. The error wraps ErrInvalid if
// the file itself is at fault, and fs.ErrNotExist if there is none.
func Load(path, digest string, options Options) (*Model, error) {
	data, sum, err := artifact.ReadVerified(path, digest, onnx.MaxFileBytes)
	switch {
	case errors.Is(err, artifact.ErrDigest), errors.Is(err, artifact.ErrTooLarge):
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
	model.SHA256 = sum
	return model, nil
}

// Read is Load of a file's content. Its errors wrap ErrInvalid.
func Read(data []byte, options Options) (*Model, error) {
	model, err := decode(data, options)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	sum := sha256.Sum256(data)
	model.SHA256 = hex.EncodeToString(sum[:])
	return model, nil
}

// Probabilities are those of the classes by the model's logits for one image. They sum to 1.
func (m *Model) Probabilities(logits []float32) []float64 {
	return SoftmaxAt(logits, cmp.Or(m.Temperature, 1))
}

// decode returns the model with all that is known of it except its digest.
func decode(data []byte, options Options) (*Model, error) {
	file, err := onnx.Decode(data)
	if err != nil {
		return nil, err
	}
	told := options.Told
	metadata, assumed, err := describe(file, told)
	if err != nil {
		return nil, err
	}
	temperature, err := told.temperature(metadata)
	if err != nil {
		return nil, err
	}
	meant := *metadata
	meant.Output = cmp.Or(told.Output, metadata.Output)
	ends := onnx.Ends{Layout: told.Input.Layout, Output: told.OutputName}
	tried, err := file.Classifier(&meant, ends, graph.Options{Threads: options.Threads, Fastest: options.Fastest})
	if err != nil {
		return nil, err
	}
	return &Model{Predictor: tried, Info: Info{
		Metadata:    metadata,
		Assumed:     assumed,
		SizeBytes:   int64(len(data)),
		Output:      tried.Output(),
		Alone:       tried.Alone(),
		BatchLimit:  tried.BatchLimit(),
		Temperature: temperature,
		Producer:    file.Producer,
		Opset:       file.Opset,
	}}, nil
}
