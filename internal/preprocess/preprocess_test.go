// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSpecValidate(t *testing.T) {
	cases := map[string]struct {
		change func(*Spec)
		want   []string // parts of the message; none means valid
	}{
		"default":         {change: func(*Spec) {}},
		"smallest":        {change: func(s *Spec) { s.Size = MinSize }},
		"largest":         {change: func(s *Spec) { s.Size = MaxSize }},
		"size zero":       {change: func(s *Spec) { s.Size = 0 }, want: []string{"size 0", "between 8 and 1024"}},
		"size huge":       {change: func(s *Spec) { s.Size = 1 << 30 }, want: []string{"size 1073741824"}},
		"cut":             {change: func(s *Spec) { s.Resize, s.ShorterSide = ResizeCrop, 73 }},
		"cut of less":     {change: func(s *Spec) { s.Resize, s.ShorterSide = ResizeCrop, 63 }, want: []string{"shorterSide 63", "size 64"}},
		"cut of nothing":  {change: func(s *Spec) { s.ShorterSide = 73 }, want: []string{"shorterSide 73", ResizeCrop}},
		"Keras's pixels":  {change: func(s *Spec) { s.Scale, s.Mean, s.ChannelOrder = 1/127.5, [3]float32{1, 1, 1}, ChannelsBGR }},
		"Caffe's pixels":  {change: func(s *Spec) { s.Scale, s.Mean, s.Std = 1, [3]float32{103.939, 116.779, 123.68}, [3]float32{1, 1, 1} }},
		"without scale":   {change: func(s *Spec) { s.Mean[0] = 103.939 }, want: []string{"mean[0] 103.939", "set scale to 1"}},
		"scale NaN":       {change: func(s *Spec) { s.Scale = math.NaN() }, want: []string{"scale NaN"}},
		"other channels":  {change: func(s *Spec) { s.ChannelOrder = "GRB" }, want: []string{`channelOrder "GRB"`}},
		"decoded whole":   {change: func(s *Spec) { s.Decode = "" }},
		"unknown decode":  {change: func(s *Spec) { s.Decode = "half" }, want: []string{`decode "half"`, DecodeReduced}},
		"unknown rule":    {change: func(s *Spec) { s.Resize = "crop" }, want: []string{`resize "crop"`, ResizeBilinear}},
		"unknown filter":  {change: func(s *Spec) { s.Filter = "lanczos" }, want: []string{`filter "lanczos"`, FilterBicubic}},
		"std zero":        {change: func(s *Spec) { s.Std[1] = 0 }, want: []string{"std[1] 0"}},
		"std NaN":         {change: func(s *Spec) { s.Std[2] = float32(math.NaN()) }, want: []string{"std[2] NaN"}},
		"mean infinite":   {change: func(s *Spec) { s.Mean[0] = float32(math.Inf(1)) }, want: []string{"mean[0] +Inf"}},
		"several at once": {change: func(s *Spec) { *s = Spec{} }, want: []string{"size", "resize", "std[0]", "std[2]"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spec := DefaultSpec(64)
			tc.change(&spec)
			err := spec.Validate()
			if (err != nil) != (len(tc.want) > 0) {
				t.Fatalf("Validate() = %v, want error: %v", err, len(tc.want) > 0)
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Validate() = %q, want it to contain %q", err, part)
				}
			}
		})
	}
}

func TestSpecJSON(t *testing.T) {
	want := `{"size":64,"resize":"bilinear-antialias-stretch","decode":"jpeg-reduced","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}`
	got, err := json.Marshal(DefaultSpec(64))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	var back Spec
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(DefaultSpec(64), back); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
}

func TestNormalize(t *testing.T) {
	spec := Spec{Size: 8, Resize: ResizeBilinear, Mean: [3]float32{0.5, 0, 1}, Std: [3]float32{0.5, 1, 2}}
	pixels := make([]uint8, spec.PixelLen())
	copy(pixels[3*9:], []uint8{255, 51, 0}) // row 1, column 1
	got := make([]float32, spec.TensorLen())
	spec.Normalize(got, pixels)

	want := make([]float32, spec.TensorLen())
	for i := range 64 {
		want[i], want[64+i], want[128+i] = -1, 0, -0.5
	}
	want[9], want[64+9] = 1, 0.2
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
		t.Errorf("Normalize (-want +got):\n%s", diff)
	}
}

// Pixels of a scale of their own, in another order of channels.
func TestNormalizeScaled(t *testing.T) {
	spec := Spec{Size: 8, Resize: ResizeBilinear, Scale: 1 / 127.5, Mean: [3]float32{1, 0, 0.5}, Std: [3]float32{1, 1, 2}, ChannelOrder: ChannelsBGR}
	pixels := make([]uint8, spec.PixelLen())
	copy(pixels[3*9:], []uint8{255, 51, 0})
	got := make([]float32, spec.TensorLen())
	spec.Normalize(got, pixels)
	want := []float32{-1, 0.4, 0.75} // blue, green, red
	for c, v := range want {
		if diff := math.Abs(float64(got[64*c+9] - v)); diff > 1e-6 {
			t.Errorf("channel %d is %v, want %v", c, got[64*c+9], v)
		}
	}
}
