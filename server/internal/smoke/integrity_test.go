// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"fmt"
	"image/color"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// TestIntegrityOfProbabilities compares what the network yields with what it yielded, be the record of probabilities or of
// the logits that the server makes of them.
func TestIntegrityOfProbabilities(t *testing.T) {
	model := testModel()
	model.Output = onnx.OutputProbabilities
	url := serve(t, model, nil)
	recorded := func(factor float32) *artifact.Samples {
		set := colors(t, 4, 0)
		for i := range set.Items {
			for j, p := range classifier.Softmax(set.Items[i].Logits) {
				set.Items[i].Logits[j] = float32(p)
			}
			set.Items[i].Logits[0] *= factor
		}
		return set
	}
	for name, tc := range map[string]struct {
		samples *artifact.Samples
		want    string
	}{
		"logits":              {samples: colors(t, 4, 0), want: contract.CheckPassed},
		"probabilities":       {samples: recorded(1), want: contract.CheckPassed},
		"other probabilities": {samples: recorded(0.9), want: contract.CheckFailed},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := newSuite(contract.SmokeConfig{Targets: []string{url}}, tc.samples, nil).run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := messageOf(t, report, "integrity"); got.Result != tc.want {
				t.Errorf("integrity = %+v, want %s", got, tc.want)
			}
		})
	}
}

// TestIntegrityOfEarlierDecoding holds a model to what it answered when more was made of a picture than its opaque colors,
// while its quality is that of the decoding in use.
func TestIntegrityOfEarlierDecoding(t *testing.T) {
	url := serve(t, testModel(), nil)
	half := servingtest.PNG(t, color.NRGBA{R: 250, B: 20, A: 128}) // laid over white at first
	model := testModel()
	recorded := func(decoder *preprocess.Decoder, decoding int) *artifact.Samples {
		tensor := make([]float32, model.Preprocess.TensorLen())
		if err := decoder.Tensor(t.Context(), model.Preprocess, tensor, half); err != nil {
			t.Fatal(err)
		}
		logits, err := model.Logits(tensor, 1)
		if err != nil {
			t.Fatal(err)
		}
		item := artifact.Sample{Image: half, Label: "red", Logits: logits}
		return &artifact.Samples{Classes: model.Classes, Decoding: decoding, Items: []artifact.Sample{item}}
	}
	now := preprocess.NewDecoder(preprocess.DefaultLimits())
	for name, tc := range map[string]struct {
		samples *artifact.Samples
		want    string
	}{
		"recorded at first":              {recorded(now.First(), preprocess.DecodingFirst), contract.CheckPassed},
		"recorded now":                   {recorded(now, preprocess.Decoding), contract.CheckPassed},
		"recorded at first, said as now": {recorded(now.First(), preprocess.Decoding), contract.CheckFailed},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := newSuite(contract.SmokeConfig{Targets: []string{url}}, tc.samples, nil).run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := messageOf(t, report, "integrity"); got.Result != tc.want {
				t.Errorf("integrity = %+v, want %s", got, tc.want)
			}
		})
	}
}

func TestIntegrityWithoutSamples(t *testing.T) {
	url := serve(t, testModel(), nil)
	report, err := newSuite(contract.SmokeConfig{Targets: []string{url}}, nil, nil).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := messageOf(t, report, "integrity"); got.Result != contract.CheckSkipped || !report.Passed {
		t.Errorf("integrity = %+v, want it skipped", got)
	}
}

func TestDeviation(t *testing.T) {
	cases := map[string]struct {
		got, recorded []float32
		want          string
	}{
		"equal":              {[]float32{1, -2}, []float32{1, -2}, "0"},
		"of the greatest":    {[]float32{0.002, -2}, []float32{0, -2}, "0.001"},
		"of a hundredth":     {[]float32{1e-5, 0}, []float32{0, 0}, "0.001"},
		"another count":      {[]float32{1}, []float32{1, 2}, "there are 1 logits, at training there were 2"},
		"greatest is record": {[]float32{100, 0}, []float32{1, 0}, "99"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := deviation(tc.got, tc.recorded)
			text := fmt.Sprintf("%.4g", got)
			if err != nil {
				text = err.Error()
			}
			if text != tc.want {
				t.Errorf("deviation() = %s, want %s", text, tc.want)
			}
		})
	}
}
