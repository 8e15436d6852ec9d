// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package onnxtest has networks, images and comparisons for tests of what reads and writes ONNX.
package onnxtest

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// ImageSize is the side of the images of Trained and Images in pixels.
const ImageSize = 32

// Trained is a network as after some training: running statistics and biases are not the initial ones, and weights are
// so large that logits differ from image to image.
func Trained(t testing.TB, architecture string) *model.Network {
	t.Helper()
	network, err := model.New(model.Config{Architecture: architecture, Classes: 3, ImageSize: ImageSize, Dropout: 0.2, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, b := range network.Buffers() {
		for i := range b.Value.Data {
			b.Value.Data[i] = 0.2 + random.Float32()
		}
	}
	for _, p := range network.Params() {
		for i := range p.Value.Data {
			if len(p.Value.Shape) > 1 {
				p.Value.Data[i] *= 2
			} else {
				p.Value.Data[i] += random.Float32() - 0.5
			}
		}
	}
	return network
}

// Images are images of noise around a color of their own.
func Images(batch int) *tensor.Tensor {
	x := tensor.New(batch, 3, ImageSize, ImageSize)
	random := rand.New(rand.NewPCG(3, 4))
	plane := ImageSize * ImageSize
	for i := range batch * 3 {
		color := random.NormFloat64()
		for j := range plane {
			x.Data[i*plane+j] = float32(color + random.NormFloat64())
		}
	}
	return x
}

// Network reads the graph of a network of the field, a file that test/peers/networks/export.py writes without its weights,
// and fills in random ones.
func Network(t *testing.T, path string) *onnxpb.ModelProto {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	random := rand.New(rand.NewPCG(6, 7))
	for _, tensor := range file.Graph.Initializer {
		count, fanIn := 1, 1
		for i, d := range tensor.Dims {
			count *= int(d)
			if i > 0 {
				fanIn *= int(d)
			}
		}
		if tensor.DataType != int32(onnxpb.TensorProto_FLOAT) || len(tensor.RawData)+len(tensor.FloatData) > 0 {
			continue
		}
		tensor.FloatData = make([]float32, count)
		for i := range tensor.FloatData {
			switch {
			case len(tensor.Dims) > 1: // He's initialization keeps the size of what flows through
				tensor.FloatData[i] = float32(random.NormFloat64() * math.Sqrt(2/float64(fanIn)))
			case strings.Contains(tensor.Name, "var"):
				tensor.FloatData[i] = 0.5 + random.Float32()
			case strings.Contains(tensor.Name, "weight"):
				tensor.FloatData[i] = 0.8 + 0.4*random.Float32()
			default:
				tensor.FloatData[i] = 0.2 * (random.Float32() - 0.5)
			}
		}
	}
	return file
}

// Run compiles a graph and runs it once.
func Run(t *testing.T, g *graph.Graph, input []float32, batch int) []float32 {
	t.Helper()
	program, err := graph.Compile(g, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	session, err := program.NewSession(batch)
	if err != nil {
		t.Fatal(err)
	}
	copy(session.Input(0), input)
	session.Run()
	return slices.Clone(session.Output(0))
}

// LargestError is the largest difference relative to the largest value.
func LargestError(got, want []float32) float64 {
	var difference, scale float64
	for i := range want {
		difference = max(difference, math.Abs(float64(got[i])-float64(want[i])))
		scale = max(scale, math.Abs(float64(want[i])))
	}
	return difference / scale
}
