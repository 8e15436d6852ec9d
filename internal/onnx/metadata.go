// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// The keys of Metadata in a model's metadata_props. Values that are no plain strings are JSON.
const (
	keyPrefix        = "trainyard."
	keyClasses       = "trainyard.classes"
	keyPreprocess    = "trainyard.preprocess"
	keyMetrics       = "trainyard.metrics"
	keyDatasetDigest = "trainyard.dataset.digest"
	keyRun           = "trainyard.run"
	keyArchitecture  = "trainyard.architecture"
	keyOutput        = "trainyard.output"
	keyQuantization  = "trainyard.quantization"
	keyTemperature   = "trainyard.temperature"
	keyVersion       = "trainyard.version"
)

// maxClasses bounds the number of classes that are read.
const maxClasses = 100_000

// ErrNoMetadata says that a model was not written by Trainyard: it carries neither classes nor preprocessing.
var ErrNoMetadata = errors.New("the model has no metadata of Trainyard (metadata_props trainyard.*)")

// Metadata is what a model file says about itself.
type Metadata struct {
	// Classes are the names of the classes in the order of the logits.
	Classes []string
	// Preprocess says how an image becomes the model's input.
	Preprocess preprocess.Spec
	// Metrics are figures measured on the held-out test split, by name. None is infinite or NaN.
	Metrics map[string]float64
	// DatasetDigest is that of the training data, sha256:<hex>.
	DatasetDigest string
	// Run names the training run.
	Run string
	// Architecture is the network's name in the model factory.
	Architecture string
	// Quantization is Int8 for a model that computes with 8 bits, and empty for others.
	Quantization string
	// Temperature is what logits are divided by to become calibrated probabilities; 0 if that isn't known.
	Temperature float64
	// Output is what the network's numbers mean, or empty if that is left to FindOutput.
	Output Output
	// Version is that of the program that wrote the file.
	Version string
}

// validate reports what would make the metadata useless.
func (m *Metadata) validate() error {
	if len(m.Classes) < 2 || len(m.Classes) > maxClasses {
		return fmt.Errorf("%s has %d classes; it must have from 2 to %d", keyClasses, len(m.Classes), maxClasses)
	}
	sorted := slices.Sorted(slices.Values(m.Classes))
	if sorted[0] == "" || len(slices.Compact(sorted)) < len(m.Classes) {
		return fmt.Errorf("%s must be distinct names", keyClasses)
	}
	if err := m.Output.Validate(); err != nil {
		return fmt.Errorf("%s: %w", keyOutput, err)
	}
	if t := m.Temperature; !(t >= 0) || math.IsInf(t, 0) {
		return fmt.Errorf("%s is %v; it must be a number above 0", keyTemperature, t)
	}
	for name, v := range m.Metrics {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s: %s is %v; it must be a finite number", keyMetrics, name, v)
		}
	}
	if err := m.Preprocess.Validate(); err != nil {
		return fmt.Errorf("%s: %w", keyPreprocess, err)
	}
	return nil
}

// properties returns the metadata as pairs of key and value, in a fixed order.
func (m *Metadata) properties() ([][2]string, error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	pairs := [][2]string{
		{keyArchitecture, m.Architecture}, {keyClasses, ""}, {keyDatasetDigest, m.DatasetDigest}, {keyMetrics, ""},
		{keyPreprocess, ""}, {keyRun, m.Run}, {keyVersion, m.Version},
	}
	for i, pair := range pairs {
		var value any
		switch pair[0] {
		case keyClasses:
			value = m.Classes
		case keyMetrics:
			value = m.Metrics
		case keyPreprocess:
			value = m.Preprocess
		default:
			continue
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", pair[0], err)
		}
		pairs[i][1] = string(encoded)
	}
	if m.Quantization != "" {
		pairs = append(pairs, [2]string{keyQuantization, m.Quantization})
	}
	if m.Temperature != 0 {
		pairs = append(pairs, [2]string{keyTemperature, strconv.FormatFloat(m.Temperature, 'g', -1, 64)})
	}
	if m.Output != "" {
		pairs = append(pairs, [2]string{keyOutput, string(m.Output)})
	}
	return pairs, nil
}

// ToldOutput is what the file says of its output, with or without other metadata; empty if nothing.
func (m *Model) ToldOutput() (Output, error) {
	output := Output(m.Properties[keyOutput])
	if err := output.Validate(); err != nil {
		return "", fmt.Errorf("%s: %w", keyOutput, err)
	}
	return output, nil
}

// Metadata reads what the model says about itself. It is ErrNoMetadata for a model that Trainyard did not write.
func (m *Model) Metadata() (*Metadata, error) {
	if _, ok := m.Properties[keyClasses]; !ok {
		return nil, ErrNoMetadata
	}
	metadata := &Metadata{
		DatasetDigest: m.Properties[keyDatasetDigest],
		Run:           m.Properties[keyRun],
		Architecture:  m.Properties[keyArchitecture],
		Quantization:  m.Properties[keyQuantization],
		Output:        Output(m.Properties[keyOutput]),
		Version:       m.Properties[keyVersion],
	}
	for key, target := range map[string]any{
		keyClasses: &metadata.Classes, keyPreprocess: &metadata.Preprocess, keyMetrics: &metadata.Metrics,
	} {
		if err := json.Unmarshal([]byte(m.Properties[key]), target); err != nil {
			return nil, fmt.Errorf("read model metadata: %s: %w", key, err)
		}
	}
	if text, ok := m.Properties[keyTemperature]; ok {
		temperature, err := strconv.ParseFloat(text, 64)
		if err != nil || temperature == 0 {
			return nil, fmt.Errorf("read model metadata: %s is %q; it must be a number above 0", keyTemperature, text)
		}
		metadata.Temperature = temperature
	}
	if err := metadata.validate(); err != nil {
		return nil, fmt.Errorf("read model metadata: %w", err)
	}
	return metadata, nil
}
