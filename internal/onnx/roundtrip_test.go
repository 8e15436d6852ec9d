// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxtest"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

const testImageSize = onnxtest.ImageSize

func testMetadata(architecture string) Metadata {
	return Metadata{
		Classes: []string{"cat", "dog", "hund, ø"}, Preprocess: preprocess.DefaultSpec(testImageSize),
		Metrics: map[string]float64{"accuracy": 0.9375, "loss": 0.25}, DatasetDigest: "sha256:0123",
		Run: "default/first", Architecture: architecture, Output: OutputLogits, Version: "v1.2.3",
	}
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

func TestRoundTrip(t *testing.T) {
	for _, architecture := range contract.Architectures() {
		for _, batch := range []int{1, 5} {
			t.Run(fmt.Sprintf("%s batch %d", architecture, batch), func(t *testing.T) {
				network := onnxtest.Trained(t, architecture)
				decoded, _ := encodeAndDecode(t, network)
				program, err := graph.Compile(decoded.Graph, graph.Options{Threads: 2})
				if err != nil {
					t.Fatal(err)
				}
				x := onnxtest.Images(batch)
				want := network.Forward(x, false).Clone()
				if batch > 1 && onnxtest.LargestError(want.Data[:3], want.Data[3:6]) < 0.05 {
					t.Fatalf("the test shows nothing: the logits hardly depend on the image: %v", want.Data)
				}
				got := make([]float32, want.Len())
				if err := program.Run(x.Data, batch, got); err != nil {
					t.Fatal(err)
				}
				if e := onnxtest.LargestError(got, want.Data); e > 1e-5 {
					t.Errorf("logits differ by %.2g of the largest:\ngot  %v\nwant %v", e, got, want.Data)
				}
			})
		}
	}
}

func TestMetadataRoundTrip(t *testing.T) {
	decoded, _ := encodeAndDecode(t, onnxtest.Trained(t, "SimpleCNN"))
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
	first, err := Encode(onnxtest.Trained(t, "BaselineCNN"), testMetadata("BaselineCNN"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Encode(onnxtest.Trained(t, "BaselineCNN"), testMetadata("BaselineCNN"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the same weights and metadata gave different bytes")
	}
}

func TestWithMetadata(t *testing.T) {
	decoded, file := encodeAndDecode(t, onnxtest.Trained(t, "SimpleCNN"))
	metadata, err := decoded.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	metadata.Quantization, metadata.Temperature, metadata.Metrics = "Int8", 1.0/3, map[string]float64{"accuracy": 0.5}
	changed, err := WithMetadata(file, *metadata)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(changed)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(metadata, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if _, err := WithMetadata(file, Metadata{}); err == nil {
		t.Error("useless metadata was written")
	}
	if _, err := WithMetadata([]byte("model"), *metadata); err == nil {
		t.Error("metadata was written into no model")
	}
}
