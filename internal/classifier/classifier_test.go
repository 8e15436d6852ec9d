// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classifier_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/internal/quantize"
)

const networkSize = 16

func network(t *testing.T) *model.Network {
	t.Helper()
	n, err := model.New(model.Config{Architecture: "SimpleCNN", Classes: 3, ImageSize: networkSize, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// encoded is a model file, changed if change is given.
func encoded(t *testing.T, change func(*onnxpb.ModelProto)) []byte {
	t.Helper()
	data, err := onnx.Encode(network(t), onnx.Metadata{
		Classes: []string{"a", "b", "c"}, Preprocess: preprocess.DefaultSpec(networkSize), Architecture: "SimpleCNN",
		Metrics: map[string]float64{"accuracy": 0.5}, Run: "ns/run", DatasetDigest: "sha256:00", Version: "v1",
	})
	if err != nil {
		t.Fatal(err)
	}
	if change == nil {
		return data
	}
	var file onnxpb.ModelProto
	if err := proto.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	change(&file)
	if data, err = proto.Marshal(&file); err != nil {
		t.Fatal(err)
	}
	return data
}

func save(t *testing.T, data []byte) (path, digest string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	digest, _, err := artifact.FileDigest(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, digest
}

func TestLoad(t *testing.T) {
	path, digest := save(t, encoded(t, nil))
	got, err := classifier.Load(path, digest, classifier.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := classifier.Info{
		Metadata: &onnx.Metadata{
			Classes: []string{"a", "b", "c"}, Preprocess: preprocess.DefaultSpec(networkSize), Metrics: map[string]float64{"accuracy": 0.5},
			Architecture: "SimpleCNN", Run: "ns/run", DatasetDigest: "sha256:00", Version: "v1",
		},
		SHA256: digest, SizeBytes: got.SizeBytes, BatchLimit: got.BatchLimit, Output: onnx.OutputLogits, Producer: "trainyard v1", Opset: 17,
	}
	if diff := cmp.Diff(want, got.Info); diff != "" || got.SizeBytes < 1000 {
		t.Errorf("info (-want +got):\n%s size %d", diff, got.SizeBytes)
	}

	read, err := classifier.Read(encoded(t, nil), classifier.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, read.Info); diff != "" {
		t.Errorf("info of the file's content (-want +got):\n%s", diff)
	}

	const n = 2
	x := tensor.New(n, 3, networkSize, networkSize)
	for i := range x.Data {
		x.Data[i] = float32(math.Sin(float64(i)))
	}
	logits, err := got.Logits(x.Data, n)
	if err != nil {
		t.Fatal(err)
	}
	if len(logits) != n*3 || cmp.Equal(logits[:3], logits[3:]) {
		t.Errorf("logits = %v, want those of two images", logits)
	}
}

// A temperature in the file is used if that is asked for, and must be there then.
func TestLoadCalibrated(t *testing.T) {
	warm := encoded(t, func(file *onnxpb.ModelProto) {
		file.MetadataProps = append(file.MetadataProps, &onnxpb.StringStringEntryProto{Key: "trainyard.temperature", Value: "2"})
	})
	calibrated := classifier.Options{Told: classifier.Told{Calibrated: true}, Threads: 1}
	logits := []float32{0, 2, -1}
	for name, tc := range map[string]struct {
		options     classifier.Options
		temperature float64
		want        []float64
	}{
		"asked for": {options: calibrated, temperature: 2, want: classifier.SoftmaxAt(logits, 2)},
		"unasked":   {options: classifier.Options{Threads: 1}, want: classifier.Softmax(logits)},
	} {
		model, err := classifier.Read(warm, tc.options)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, model.Probabilities(logits)); diff != "" || model.Temperature != tc.temperature {
			t.Errorf("%s: temperature %v, probabilities (-want +got):\n%s", name, model.Temperature, diff)
		}
	}
	_, err := classifier.Read(encoded(t, nil), calibrated)
	if !errors.Is(err, classifier.ErrInvalid) || !strings.Contains(err.Error(), "which has none (trainyard.temperature): train with output.calibration Temperature") {
		t.Errorf("without one: error = %v", err)
	}
}

// A network that ends in Softmax answers the same probabilities as the one without.
func TestLoadProbabilities(t *testing.T) {
	x := tensor.New(1, 3, networkSize, networkSize)
	for i := range x.Data {
		x.Data[i] = float32(math.Sin(float64(i)))
	}
	softmax := func(m *onnxpb.ModelProto) {
		m.Graph.Node = append(m.Graph.Node, &onnxpb.NodeProto{OpType: "Softmax", Input: []string{m.Graph.Output[0].Name}, Output: []string{"probabilities"}})
		m.Graph.Output[0].Name = "probabilities"
	}
	var probabilities [2][]float64
	for i, change := range []func(*onnxpb.ModelProto){nil, softmax} {
		path, _ := save(t, encoded(t, change))
		loaded, err := classifier.Load(path, "", classifier.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if want := []onnx.Output{onnx.OutputLogits, onnx.OutputProbabilities}[i]; loaded.Output != want {
			t.Errorf("the output is %q, want %q", loaded.Output, want)
		}
		logits, err := loaded.Logits(x.Data, 1)
		if err != nil {
			t.Fatal(err)
		}
		probabilities[i] = classifier.Softmax(logits)
	}
	if diff := cmp.Diff(probabilities[0], probabilities[1], cmpopts.EquateApprox(0, 1e-6)); diff != "" {
		t.Errorf("probabilities without and with Softmax (-without +with):\n%s", diff)
	}
}

// A quantized model is loaded like any other, and answers an image alike whatever it is batched with.
func TestLoadQuantized(t *testing.T) {
	const n = 3
	x := tensor.New(n, 3, networkSize, networkSize)
	for i := range x.Data {
		x.Data[i] = float32(math.Sin(float64(i * i)))
	}
	float := encoded(t, nil)
	quantized, err := quantize.Model(float, func(yield func([]float32, error) bool) { yield(x.Data, nil) })
	if err != nil {
		t.Fatal(err)
	}
	var logits [2][]float32
	for i, data := range [][]byte{float, quantized} {
		path, digest := save(t, data)
		loaded, err := classifier.Load(path, digest, classifier.Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		together, err := loaded.Logits(x.Data, n)
		if err != nil {
			t.Fatal(err)
		}
		logits[i] = slices.Clone(together)
		alone, err := loaded.Logits(x.Data[len(x.Data)/n:2*len(x.Data)/n], 1)
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 && !slices.Equal(alone, logits[i][3:6]) {
			t.Errorf("alone the second image gets %v, in a batch %v", alone, logits[i][3:6])
		}
	}
	largest := max(slices.Max(logits[0]), -slices.Min(logits[0]))
	for i, v := range logits[1] {
		if difference := math.Abs(float64(v - logits[0][i])); !(difference <= 0.1*float64(largest)) || difference == 0 {
			t.Errorf("logit %d is %v, in float32 %v", i, v, logits[0][i])
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	property := func(m *onnxpb.ModelProto, key string) *onnxpb.StringStringEntryProto {
		for _, p := range m.MetadataProps {
			if p.GetKey() == key {
				return p
			}
		}
		t.Fatalf("the model has no property %s", key)
		return nil
	}
	cases := map[string]struct {
		data   []byte
		digest string
		want   error
	}{
		"another digest": {data: encoded(t, nil), digest: "00", want: artifact.ErrDigest},
		"no ONNX":        {data: []byte("text")},
		"no metadata":    {data: encoded(t, func(m *onnxpb.ModelProto) { m.MetadataProps = nil }), want: onnx.ErrNoMetadata},
		"another size": {data: encoded(t, func(m *onnxpb.ModelProto) {
			property(m, "trainyard.preprocess").Value = `{"size":32,"resize":"bilinear-antialias-stretch","mean":[0,0,0],"std":[1,1,1]}`
		})},
		"a class less": {data: encoded(t, func(m *onnxpb.ModelProto) { property(m, "trainyard.classes").Value = `["a","b"]` })},
		"an output more": {data: encoded(t, func(m *onnxpb.ModelProto) {
			m.Graph.Output = append(m.Graph.Output, &onnxpb.ValueInfoProto{Name: m.Graph.Node[0].Output[0]})
		})},
		"unknown operator": {data: encoded(t, func(m *onnxpb.ModelProto) { m.Graph.Node[0].OpType = "Nonsense" })},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path, _ := save(t, tc.data)
			_, err := classifier.Load(path, tc.digest, classifier.Options{Threads: 1})
			if !errors.Is(err, classifier.ErrInvalid) || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("Load() error = %v, want ErrInvalid and %v", err, tc.want)
			}
			if tc.digest != "" {
				return
			}
			// Who has the content at hand is told the same, without the file's name.
			_, readErr := classifier.Read(tc.data, classifier.Options{Threads: 1})
			if !errors.Is(readErr, classifier.ErrInvalid) || readErr.Error() != strings.Replace(err.Error(), path+": ", "", 1) {
				t.Errorf("Read() error = %v, of Load() %v", readErr, err)
			}
		})
	}
	// A file that isn't there says nothing about the model: its volume may be late.
	if _, err := classifier.Load(filepath.Join(t.TempDir(), "none"), "", classifier.Options{Threads: 1}); err == nil || errors.Is(err, classifier.ErrInvalid) {
		t.Errorf("Load() of a missing file: error = %v, want another than ErrInvalid", err)
	}
	// A file that is too large for any model is not read, and stays so.
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, onnx.MaxFileBytes+1); err != nil {
		t.Fatal(err)
	}
	if _, err := classifier.Load(large, "", classifier.Options{Threads: 1}); !errors.Is(err, classifier.ErrInvalid) || !errors.Is(err, artifact.ErrTooLarge) {
		t.Errorf("Load() of a file of a GiB and a byte: error = %v, want ErrInvalid and ErrTooLarge", err)
	}
	// A folder can be opened but not read, as a volume that has failed.
	if _, err := classifier.Load(t.TempDir(), "", classifier.Options{Threads: 1}); err == nil || errors.Is(err, classifier.ErrInvalid) {
		t.Errorf("Load() of what can't be read: error = %v, want another than ErrInvalid", err)
	}
}
