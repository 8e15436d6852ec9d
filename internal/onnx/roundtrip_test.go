// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

const testImageSize = 32

// testNetwork is a network as after some training: running statistics and biases are not the initial ones, and weights are
// so large that logits differ from image to image.
func testNetwork(t testing.TB, architecture string) *model.Network {
	t.Helper()
	network, err := model.New(model.Config{Architecture: architecture, Classes: 3, ImageSize: testImageSize, Dropout: 0.2, Seed: 5})
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

func testMetadata(architecture string) Metadata {
	return Metadata{
		Classes: []string{"cat", "dog", "hund, ø"}, Preprocess: preprocess.DefaultSpec(testImageSize),
		Metrics: map[string]float64{"accuracy": 0.9375, "loss": 0.25}, DatasetDigest: "sha256:0123",
		Run: "default/first", Architecture: architecture, Output: OutputLogits, Version: "v1.2.3",
	}
}

// testImages are images of noise around a colour of their own.
func testImages(batch int) *tensor.Tensor {
	x := tensor.New(batch, 3, testImageSize, testImageSize)
	random := rand.New(rand.NewPCG(3, 4))
	plane := testImageSize * testImageSize
	for i := range batch * 3 {
		colour := random.NormFloat64()
		for j := range plane {
			x.Data[i*plane+j] = float32(colour + random.NormFloat64())
		}
	}
	return x
}

// encodeAndDecode writes a network and reads it back.
func encodeAndDecode(t testing.TB, network *model.Network) (*Model, []byte) {
	t.Helper()
	data, err := Encode(network, testMetadata(network.Architecture()))
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return decoded, data
}

// largestError is the largest difference relative to the largest value.
func largestError(got, want []float32) float64 {
	var difference, scale float64
	for i := range want {
		difference = max(difference, math.Abs(float64(got[i])-float64(want[i])))
		scale = max(scale, math.Abs(float64(want[i])))
	}
	return difference / scale
}

func TestRoundTrip(t *testing.T) {
	for _, architecture := range contract.Architectures() {
		for _, batch := range []int{1, 5} {
			t.Run(fmt.Sprintf("%s batch %d", architecture, batch), func(t *testing.T) {
				network := testNetwork(t, architecture)
				decoded, _ := encodeAndDecode(t, network)
				program, err := graph.Compile(decoded.Graph, graph.Options{Threads: 2})
				if err != nil {
					t.Fatal(err)
				}
				x := testImages(batch)
				want := network.Forward(x, false).Clone()
				if batch > 1 && largestError(want.Data[:3], want.Data[3:6]) < 0.05 {
					t.Fatalf("the test shows nothing: the logits hardly depend on the image: %v", want.Data)
				}
				got := make([]float32, want.Len())
				if err := program.Run(x.Data, batch, got); err != nil {
					t.Fatal(err)
				}
				if e := largestError(got, want.Data); e > 1e-5 {
					t.Errorf("logits differ by %.2g of the largest:\ngot  %v\nwant %v", e, got, want.Data)
				}
			})
		}
	}
}

func TestMetadataRoundTrip(t *testing.T) {
	decoded, _ := encodeAndDecode(t, testNetwork(t, "SimpleCNN"))
	got, err := decoded.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	want := testMetadata("SimpleCNN")
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("metadata differs (-want +got):\n%s", diff)
	}
	if decoded.Opset != 17 || decoded.Producer != "trainyard v1.2.3" {
		t.Errorf("opset %d, producer %q", decoded.Opset, decoded.Producer)
	}
	wantInputs := []graph.Value{{Name: InputName, DType: graph.Float32, Shape: []int{graph.Dynamic, 3, testImageSize, testImageSize}}}
	if diff := cmp.Diff(wantInputs, decoded.Graph.Inputs); diff != "" {
		t.Errorf("inputs differ (-want +got):\n%s", diff)
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	first, err := Encode(testNetwork(t, "BaselineCNN"), testMetadata("BaselineCNN"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Encode(testNetwork(t, "BaselineCNN"), testMetadata("BaselineCNN"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the same weights and metadata gave different bytes")
	}
}
