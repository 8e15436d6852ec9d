// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inferencetest has a model for tests that needs no training.
package inferencetest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/server/internal/inference"
)

// Size is the side of the model's input in pixels.
const Size = 8

// Predictor tells reddish pictures (the first class) from bluish ones (the second).
type Predictor struct {
	// Before, if set, is called with the number of images of each batch.
	Before func(n int)
	// Err, if set, is what every prediction returns.
	Err error
}

// Predict returns the mean of the red and of the blue channel of each image.
func (p *Predictor) Predict(input []float32, n int) ([]float32, error) {
	if p.Before != nil {
		p.Before(n)
	}
	if p.Err != nil {
		return nil, p.Err
	}
	logits := make([]float32, 0, 2*n)
	const plane = Size * Size
	for i := range n {
		picture := input[i*preprocess.Channels*plane:]
		logits = append(logits, mean(picture[:plane]), mean(picture[2*plane:3*plane]))
	}
	return logits, nil
}

func mean(values []float32) float32 {
	var sum float32
	for _, v := range values {
		sum += v
	}
	return sum / float32(len(values))
}

// Model returns a model of p with the classes red and blue.
func Model(p *Predictor) *inference.Model {
	return &inference.Model{Predictor: p, Info: inference.Info{
		SHA256:        "5eed",
		SizeBytes:     1234,
		Classes:       []string{"red", "blue"},
		Output:        onnx.OutputLogits,
		Preprocessing: preprocess.DefaultSpec(Size),
		Architecture:  "Test",
		Producer:      "inferencetest",
		Opset:         17,
		Metrics:       map[string]float64{"accuracy": 0.9},
		Lineage:       map[string]string{"run": "default/run"},
	}}
}

// PNG encodes a picture of one colour.
func PNG(t testing.TB, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 16, 12))
	for i := range 16 * 12 {
		img.Set(i%16, i/16, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Red and Blue are colours of the two classes.
var (
	Red  = color.RGBA{R: 220, G: 60, B: 40, A: 255}
	Blue = color.RGBA{R: 30, G: 60, B: 210, A: 255}
)
