// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Classifier computes the logits of a model that has been tried: it takes images, yields what its metadata says, and
// answers an image alike whatever it is computed with. It is used by one goroutine at a time.
type Classifier struct {
	program *graph.Program
	output  Output
	// alone says why images are computed one by one, if they are.
	alone error
	// raw is what the network yields, logits what that means.
	raw, logits []float32
}

// Ends say how a graph begins and ends, where its file leaves that open.
type Ends struct {
	// Layout is the order of the input's dimensions; empty: what ImageInput finds out.
	Layout Layout
	// Output names the output that has a number for each class; empty: the only one.
	Output string
}

// Classifier compiles the model and tries it. The error says what can't be computed, or how the network contradicts the
// metadata.
func (m *Model) Classifier(metadata *Metadata, ends Ends, options graph.Options) (*Classifier, error) {
	m, err := m.withOutput(ends.Output)
	if err != nil {
		return nil, err
	}
	input, err := m.ImageInput(ends.Layout)
	if err != nil {
		return nil, err
	}
	size := metadata.Preprocess.Size
	if input.Size != 0 && input.Size != size {
		return nil, fmt.Errorf("the network does not fit its metadata: the input %q takes images of %d pixels a side, not of the size %d",
			m.Graph.Inputs[0].Name, input.Size, size)
	}
	m = m.withImages(input.Layout, size)
	program, err := m.Compile(options)
	if err != nil {
		return nil, err
	}
	// The metadata comes from the file too: probes show whether the network takes and yields what it says.
	output, err := m.FindOutput(program, metadata)
	if err != nil {
		return nil, fmt.Errorf("the network does not fit its metadata: %w", err)
	}
	c := &Classifier{program: program, output: output}
	if c.alone, err = tryTogether(program, metadata.Preprocess); err != nil {
		return nil, err
	}
	return c, nil
}

// Output is what the network yields.
func (c *Classifier) Output() Output { return c.output }

// Alone says why images are computed one by one, and is nil if they aren't.
func (c *Classifier) Alone() error { return c.alone }

// BatchLimit is how many images it is worth computing together.
func (c *Classifier) BatchLimit() int {
	if c.alone != nil {
		return 1
	}
	return c.program.BatchLimit()
}

// Logits returns the logits, of shape [n, classes], of n preprocessed images. They are valid until the next call.
func (c *Classifier) Logits(images []float32, n int) ([]float32, error) {
	width := c.program.OutputLen()
	c.raw = slices.Grow(c.raw[:0], n*width)[:n*width]
	part := n
	if c.alone != nil {
		part = 1
	}
	imageLen := len(images) / max(n, 1)
	for i := 0; i < n; i += part {
		if err := c.program.Run(images[i*imageLen:(i+part)*imageLen], part, c.raw[i*width:(i+part)*width]); err != nil {
			return nil, err
		}
	}
	c.logits = c.output.AppendLogits(c.logits[:0], c.raw)
	return c.logits, nil
}

// tryTogether asks a network about two images of noise, each alone and both together. It returns why images have to be computed
// one by one, or nil. It is an error if the network has no finite answer, or is made for several images that it mixes.
func tryTogether(program *graph.Program, spec preprocess.Spec) (alone, err error) {
	width, imageLen := program.OutputLen(), spec.TensorLen()
	images := append(noise(spec, 1, 180, 25), noise(spec, 2, 100, 80)...) // in brightness and contrast as unlike as pictures are
	apart, together := make([]float32, 2*width), make([]float32, 2*width)
	for i := range 2 {
		if err := program.Run(images[i*imageLen:(i+1)*imageLen], 1, apart[i*width:(i+1)*width]); err != nil {
			return nil, fmt.Errorf("try an image: %w", err)
		}
	}
	for _, v := range apart {
		if v := float64(v); math.IsNaN(v) || math.IsInf(v, 1) { // -Inf is the logarithm of a probability of 0
			return nil, fmt.Errorf("the network answers an image of noise with %v: its weights or an operator overflow; train or export it anew", v)
		}
	}
	if err := program.Run(images, 2, together); err != nil {
		node := (*graph.NodeError)(nil)
		if errors.As(err, &node) {
			return fmt.Errorf("the graph takes one image at a time: for two, %w", node), nil
		}
		return errors.New("the graph takes one image at a time, though the size of its batches is not fixed"), nil
	}
	greatest := 0.0
	for _, v := range apart {
		if v := math.Abs(float64(v)); !math.IsInf(v, 0) {
			greatest = max(greatest, v)
		}
	}
	for i, v := range together {
		if v != apart[i] && !(math.Abs(float64(v-apart[i])) <= contract.LogitTolerance*greatest) {
			if program.BatchSize() > 1 {
				return nil, fmt.Errorf("the graph is made for %d images at a time and answers each by the others: export it for one, or for any number", program.BatchSize())
			}
			return errors.New("the graph mixes the images of a batch: each answer depends on the others"), nil
		}
	}
	return nil, nil
}

// noise is a preprocessed picture of normally distributed gray levels, the same each time for a seed. Its values are those
// that pictures have: a network may begin with a logarithm that others don't have.
func noise(spec preprocess.Spec, seed uint64, mean, deviation float64) []float32 {
	random := rand.New(rand.NewPCG(seed, 0))
	pixels := make([]uint8, spec.PixelLen())
	for i := range pixels {
		pixels[i] = uint8(min(max(mean+deviation*random.NormFloat64(), 0), 255))
	}
	values := make([]float32, spec.TensorLen())
	spec.Normalize(values, pixels)
	return values
}
