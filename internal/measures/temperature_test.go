// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

func TestTemperatureAsSciPy(t *testing.T) {
	data, err := os.ReadFile("testdata/temperatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Logits      []float32
		Labels      []int32
		Classes     int
		Temperature float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 16 {
		t.Errorf("%d cases: the recording is cut short", len(cases))
	}
	for i, tc := range cases {
		got, ok := Temperature(tc.Logits, tc.Labels, tc.Classes)
		if !ok || !(math.Abs(got-tc.Temperature) <= 1e-6*tc.Temperature) {
			t.Errorf("case %d of %d labels: %v (%t), want %v", i, len(tc.Labels), got, ok, tc.Temperature)
		}
		if slope, _ := likelihood(tc.Logits, tc.Labels, tc.Classes, 1/got); math.Abs(slope) > 1e-9 {
			t.Errorf("case %d: the loss isn't least at %v: its slope is %v", i, got, slope)
		}
	}
}

func TestTemperatureIsBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		logits []float32
		labels []int32
	}{
		"no answers":         {},
		"all right":          {logits: []float32{2, 0, 0, 1}, labels: []int32{0, 1}},
		"all wrong":          {logits: []float32{0, 2, 1, 0}, labels: []int32{0, 1}},
		"nothing to tell by": {logits: []float32{1, 1, 3, 3}, labels: []int32{0, 1}},
		"huge":               {logits: []float32{3e38, -3e38, 0, 1}, labels: []int32{1, 0}},
	} {
		if got, ok := Temperature(tc.logits, tc.labels, 2); ok || got != 0 {
			t.Errorf("%s: %v (%t), want none", name, got, ok)
		}
	}
}
