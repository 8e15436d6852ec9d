// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

const size = 32

func network(t *testing.T) *model.Network {
	t.Helper()
	n, err := model.New(model.Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: size, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func encode(t *testing.T, n *model.Network, metadata onnx.Metadata) []byte {
	t.Helper()
	data, err := onnx.Encode(n, metadata)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func images(t *testing.T) dataset.Subset {
	t.Helper()
	source, err := generate.New(generate.Config{
		SamplesPerClass: 9, Classes: []generate.Class{generate.Cat, generate.Dog}, ImageSize: size,
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open(t.Context(), source, dataset.Options{Preprocess: preprocess.DefaultSpec(size)})
	if err != nil {
		t.Fatal(err)
	}
	return d.All()
}

func TestNetworkAndItsExportScoreTheSame(t *testing.T) {
	n := network(t)
	exported, err := ReadModel(encode(t, n, onnx.Metadata{Classes: []string{"cat", "dog"}, Preprocess: preprocess.DefaultSpec(size)}), 1)
	if err != nil {
		t.Fatal(err)
	}
	subset := images(t)
	// Batches of another size, the last one smaller, must change nothing.
	want, err := Score(t.Context(), Network{n}, subset, Batches{Size: 18, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Score(t.Context(), exported, subset, Batches{Size: 4, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Metrics(), got.Metrics(), cmpopts.EquateApprox(1e-4, 1e-5)); diff != "" {
		t.Errorf("metrics (-network +export):\n%s", diff)
	}
	if diff := cmp.Diff(want.Confusion, got.Confusion); diff != "" || want.Count() != 18 {
		t.Errorf("confusion of %d images (-network +export):\n%s", want.Count(), diff)
	}
}

func TestReadModelRefuses(t *testing.T) {
	n := network(t)
	cases := map[string]struct {
		data []byte
		says string
	}{
		"nothing":        {nil, ""},
		"no ONNX file":   {[]byte("a picture"), ""},
		"size of others": {encode(t, n, onnx.Metadata{Classes: []string{"cat", "dog"}, Preprocess: preprocess.DefaultSpec(2 * size)}), "does not fit its metadata"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ReadModel(tc.data, 1)
			if !errors.Is(err, classifier.ErrInvalid) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want ErrInvalid that says %q", err, tc.says)
			}
		})
	}
}

func TestScoreStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Score(ctx, Network{network(t)}, images(t), Batches{Size: 4}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestScoreReportsAFailingClassifier(t *testing.T) {
	if _, err := Score(t.Context(), broken{}, images(t), Batches{Size: 4}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if _, err := Score(t.Context(), broken{}, images(t), Batches{}); err == nil {
		t.Error("a batch size of 0 is no error")
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Classes() int                                 { return 2 }
func (broken) Logits(_ []float32, _ int) ([]float32, error) { return nil, errBroken }
