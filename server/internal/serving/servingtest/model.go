// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package servingtest has a model for tests that needs no training.
package servingtest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Size is the side of the model's input in pixels.
const Size = 8

// Predictor separates reddish pictures (the first class) from bluish ones (the second).
type Predictor struct {
	// Before, if set, is called with the number of images of each batch.
	Before func(n int)
	// Err, if set, is what every prediction returns.
	Err error
}

// Logits returns the mean of the red and of the blue channel of each image.
func (p *Predictor) Logits(input []float32, n int) ([]float32, error) {
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
func Model(p *Predictor) *classifier.Model {
	return &classifier.Model{Predictor: p, Info: classifier.Info{
		Metadata: &onnx.Metadata{
			Classes:      []string{"red", "blue"},
			Preprocess:   preprocess.DefaultSpec(Size),
			Architecture: "Test",
			Metrics:      map[string]float64{"accuracy": 0.9},
			Run:          "default/run",
		},
		SHA256:    "5eed",
		SizeBytes: 1234,
		Output:    onnx.OutputLogits,
		Producer:  "servingtest",
		Opset:     17,
	}}
}

// PNG encodes a picture of one color.
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

// Red and Blue are colors of the two classes.
var (
	Red  = color.RGBA{R: 220, G: 60, B: 40, A: 255}
	Blue = color.RGBA{R: 30, G: 60, B: 210, A: 255}
)
