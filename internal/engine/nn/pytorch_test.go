// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// readRecorded reads what test/peers/training/record.py wrote.
func readRecorded(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// compareRecorded compares float32 numbers with PyTorch's and returns how many.
func compareRecorded(t *testing.T, what string, want, got []float32) int {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i]-want[i])) <= 1e-6*max(1, math.Abs(float64(want[i])))) {
			t.Errorf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
	return len(want)
}

// Fifty steps on recorded gradients lead to where PyTorch's optimizers come.
func TestOptimizersArePyTorchs(t *testing.T) {
	var recorded struct {
		Start      [][]float32
		Gradients  [][][]float32
		Optimizers []struct {
			Name                        string
			Momentum, WeightDecay, Clip float64
			Nesterov                    bool
			Norms                       []float64
			After                       [][][]float32 // every tenth step
		}
	}
	readRecorded(t, "pytorch-optimizers.json", &recorded)
	compared := 0
	for _, tc := range recorded.Optimizers {
		var params []*Param
		for i, values := range recorded.Start {
			p := newParam("layer", string(rune('a'+i)), len(values))
			copy(p.Value.Data, values)
			params = append(params, p)
		}
		var o Optimizer
		var err error
		adam := DefaultAdamConfig()
		adam.WeightDecay = tc.WeightDecay
		switch kind, _, _ := strings.Cut(tc.Name, " "); kind {
		case "Adam":
			o, err = NewAdam(params, adam)
		case "AdamW":
			o, err = NewAdamW(params, adam)
		default:
			o, err = NewSGD(params, SGDConfig{Momentum: tc.Momentum, WeightDecay: tc.WeightDecay, Nesterov: tc.Nesterov})
		}
		if err != nil {
			t.Fatal(err)
		}
		for step, gradients := range recorded.Gradients {
			for i, p := range params {
				copy(p.Grad.Data, gradients[i])
			}
			if tc.Clip > 0 {
				if norm := ClipGradients(params, tc.Clip); !(math.Abs(norm-tc.Norms[step]) <= 1e-6*norm) {
					t.Errorf("%s: the norm at step %d is %v, want %v", tc.Name, step, norm, tc.Norms[step])
				}
				compared++
			}
			o.Step(newWorkspace(t), 0.01)
			if (step+1)%10 != 0 {
				continue
			}
			for i, p := range params {
				compared += compareRecorded(t, tc.Name, tc.After[step/10][i], p.Value.Data)
			}
		}
	}
	t.Logf("%d numbers compared", compared)
	if compared < 1500 {
		t.Errorf("%d numbers compared: the recording is cut short", compared)
	}
}

func TestCrossEntropyIsPyTorchs(t *testing.T) {
	var cases []struct {
		Smoothing        float64
		Classes          int
		Logits, Gradient []float32
		Labels           []int
		Loss             float64
	}
	readRecorded(t, "pytorch-losses.json", &cases)
	compared := 0
	for _, tc := range cases {
		loss := CrossEntropy{Smoothing: tc.Smoothing}
		got := loss.Forward(newWorkspace(t), &tensor.Tensor{Shape: []int{len(tc.Labels), tc.Classes}, Data: tc.Logits}, tc.Labels)
		if compared++; !(math.Abs(got-tc.Loss) <= 1e-6) {
			t.Errorf("smoothed by %v, the loss is %v, want %v", tc.Smoothing, got, tc.Loss)
		}
		compared += compareRecorded(t, "gradient", tc.Gradient, loss.Gradient().Data)
	}
	t.Logf("%d numbers compared", compared)
}

// What is not too great stays as it is, bit by bit.
func TestClipGradientsLeavesSmallOnes(t *testing.T) {
	p := newParam("layer", "weight", 2)
	p.Grad.Data[0], p.Grad.Data[1] = 0.3, 0.4
	if norm := ClipGradients([]*Param{p}, 1); math.Abs(norm-0.5) > 1e-7 || p.Grad.Data[0] != 0.3 || p.Grad.Data[1] != 0.4 {
		t.Errorf("norm %v, gradients %v", norm, p.Grad.Data)
	}
}

func TestCrossEntropyOfProbabilitiesIsPyTorchs(t *testing.T) {
	var cases []struct {
		Smoothing                 float64
		Classes                   int
		Weights                   []float32
		Logits, Targets, Gradient []float32
		Loss                      float64
	}
	readRecorded(t, "pytorch-soft-losses.json", &cases)
	compared := 0
	for _, tc := range cases {
		loss, shape := CrossEntropy{Smoothing: tc.Smoothing, Weights: tc.Weights}, []int{len(tc.Logits) / tc.Classes, tc.Classes}
		got := loss.ForwardTargets(newWorkspace(t), &tensor.Tensor{Shape: shape, Data: tc.Logits}, &tensor.Tensor{Shape: shape, Data: tc.Targets})
		if compared++; !(math.Abs(got-tc.Loss) <= 1e-6*max(1, tc.Loss)) {
			t.Errorf("smoothed by %v, with weights %v, the loss is %v, want %v", tc.Smoothing, tc.Weights, got, tc.Loss)
		}
		compared += compareRecorded(t, "gradient", tc.Gradient, loss.Gradient().Data)
	}
	t.Logf("%d numbers compared", compared)
	if compared < 250 {
		t.Errorf("%d numbers compared: the recording is cut short", compared)
	}
}

func TestAveragesArePyTorchs(t *testing.T) {
	var cases []struct {
		Decay        float64
		Steps, After []map[string][]float32 // After every tenth step
	}
	readRecorded(t, "pytorch-averages.json", &cases)
	compared := 0
	for _, tc := range cases {
		var params []*Param
		var buffers []*Buffer
		values := map[string]*tensor.Tensor{}
		for name, first := range tc.Steps[0] {
			values[name] = tensor.New(len(first))
			if strings.Contains(name, "running") {
				buffers = append(buffers, &Buffer{Name: name, Value: values[name]})
			} else {
				params = append(params, &Param{Name: name, Value: values[name]})
			}
		}
		average, err := NewAverage(params, buffers, tc.Decay)
		if err != nil {
			t.Fatal(err)
		}
		for step, tensors := range tc.Steps {
			for name, v := range tensors {
				copy(values[name].Data, v)
			}
			average.Update(newWorkspace(t))
			if (step+1)%10 != 0 {
				continue
			}
			average.Swap()
			for name, want := range tc.After[step/10] {
				compared += compareRecorded(t, name, want, values[name].Data)
			}
			average.Swap()
			for name, want := range tensors {
				compareRecorded(t, "swapped back: "+name, want, values[name].Data)
			}
		}
	}
	t.Logf("%d numbers compared", compared)
	if compared < 480 {
		t.Errorf("%d numbers compared: the recording is cut short", compared)
	}
}
