// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

func newWorkspace(t *testing.T) *exec.Workspace {
	t.Helper()
	ws, err := exec.New(exec.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

// randomTensor returns a tensor of normally distributed values.
func randomTensor(seed uint64, shape ...int) *tensor.Tensor {
	random := rand.New(rand.NewPCG(seed, 0))
	t := tensor.New(shape...)
	for i := range t.Data {
		t.Data[i] = float32(random.NormFloat64())
	}
	return t
}

// dot returns the sum of products, in float64.
func dot(a, b *tensor.Tensor) float64 {
	var sum float64
	for i, v := range a.Data {
		sum += float64(v) * float64(b.Data[i])
	}
	return sum
}

// checkGradients compares Backward with central differences of Σ direction·Forward(x), for the input and each parameter.
func checkGradients(t *testing.T, l Layer, x *tensor.Tensor) {
	t.Helper()
	ws := newWorkspace(t)
	direction := randomTensor(99, l.Forward(ws, x, true).Clone().Shape...)
	dropout, isDropout := l.(*Dropout)
	value := func() float64 {
		if isDropout {
			dropout.Step-- // the same mask again
		}
		return dot(l.Forward(ws, x, true), direction)
	}
	value()
	dx := l.Backward(ws, direction, true).Clone()
	checked := map[string][2]*tensor.Tensor{"input": {x, dx}}
	for _, p := range l.Params() {
		checked[p.Name] = [2]*tensor.Tensor{p.Value, p.Grad.Clone()}
	}
	for name, pair := range checked {
		at, gradient := pair[0], pair[1]
		for i := range at.Data {
			const h = 1e-2
			old := at.Data[i]
			at.Data[i] = old + h
			above := value()
			at.Data[i] = old - h
			below := value()
			at.Data[i] = old
			want := (above - below) / (2 * h)
			if got := float64(gradient.Data[i]); math.Abs(got-want) > 2e-2*max(1, math.Abs(want)) {
				t.Fatalf("gradient of %s[%d] is %v, differences give %v", name, i, got, want)
			}
		}
	}
}

func TestLayerGradients(t *testing.T) {
	conv := NewConv2D("conv", Conv2DConfig{InChannels: 3, OutChannels: 4, Kernel: 3, Padding: 1, Bias: true})
	strided := NewConv2D("conv", Conv2DConfig{InChannels: 4, OutChannels: 4, Kernel: 3, Stride: 2, Padding: 1, Groups: 2})
	norm := NewBatchNorm2D("norm", 3)
	linear := NewLinear("linear", 5, 3)
	for i, l := range []Layer{conv, strided, norm, linear} {
		for j, p := range l.Params() {
			copy(p.Value.Data, randomTensor(uint64(10*i+j), p.Value.Shape...).Data)
		}
	}
	// Values a step apart, in random order, keep the differences away from the kinks of ReLU and max pooling.
	spread := tensor.New(2, 2, 4, 4)
	for i, at := range rand.New(rand.NewPCG(5, 0)).Perm(spread.Len()) {
		spread.Data[at] = (float32(i) - 31.5) * 0.1
	}
	for name, tc := range map[string]struct {
		layer Layer
		x     *tensor.Tensor
	}{
		"Conv2D":                  {conv, randomTensor(1, 2, 3, 6, 5)},
		"Conv2D strided, grouped": {strided, randomTensor(2, 2, 4, 7, 6)},
		"BatchNorm2D":             {norm, randomTensor(3, 4, 3, 3, 2)},
		"ReLU":                    {NewReLU("relu"), spread.Clone()},
		"MaxPool2D":               {NewMaxPool2D("pool", 2, 2), spread.Clone()},
		"MaxPool2D overlapping":   {NewMaxPool2D("pool", 3, 1), spread.Clone()},
		"GlobalAveragePool":       {NewGlobalAveragePool("pool"), randomTensor(4, 2, 3, 4, 5)},
		"Dropout":                 {NewDropout("dropout", 0.4, 1), randomTensor(5, 4, 9)},
		"Flatten":                 {NewFlatten("flatten"), randomTensor(6, 2, 3, 2, 2)},
		"Linear":                  {linear, randomTensor(7, 4, 5)},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := tc.layer.OutputShape(tc.x.Shape)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, tc.layer.Forward(newWorkspace(t), tc.x, true).Shape); diff != "" {
				t.Errorf("OutputShape and the output differ (-want +got):\n%s", diff)
			}
			checkGradients(t, tc.layer, tc.x)
		})
	}
}

func TestOutputShapeErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		layer Layer
		in    []int
		want  string
	}{
		"conv rank":     {NewConv2D("c", Conv2DConfig{InChannels: 3, OutChannels: 1, Kernel: 3}), []int{1, 3}, "layer c: input shape [1 3]: want [N, C, H, W]"},
		"conv channels": {NewConv2D("c", Conv2DConfig{InChannels: 3, OutChannels: 1, Kernel: 3}), []int{1, 4, 8, 8}, "want 3 channels"},
		"conv size":     {NewConv2D("c", Conv2DConfig{InChannels: 3, OutChannels: 1, Kernel: 3}), []int{1, 3, 2, 2}, "larger than the padded input"},
		"norm":          {NewBatchNorm2D("n", 3), []int{1, 2, 1, 1}, "want 3 channels"},
		"pool rank":     {NewMaxPool2D("p", 2, 2), []int{1, 2}, "want [N, C, H, W]"},
		"pool size":     {NewMaxPool2D("p", 2, 2), []int{1, 2, 1, 1}, "layer p: pooling: kernel 2×2 is larger"},
		"average":       {NewGlobalAveragePool("g"), []int{1}, "want [N, C, H, W]"},
		"flatten":       {NewFlatten("f"), nil, "no dimensions"},
		"linear":        {NewLinear("l", 4, 2), []int{1, 3}, "want [N, 4]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.layer.OutputShape(tc.in)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one that contains %q", err, tc.want)
			}
		})
	}
}

// The constants are PyTorch's nn.BatchNorm2d(1) after one training pass over (1, 2, 3, 6) with momentum 0.1.
func TestBatchNormRunningStatistics(t *testing.T) {
	ws := newWorkspace(t)
	l := NewBatchNorm2D("norm", 1)
	x := &tensor.Tensor{Shape: []int{2, 1, 1, 2}, Data: []float32{1, 2, 3, 6}}
	y := l.Forward(ws, x, true)
	expectClose(t, "training output", y.Data, []float32{-1.0690440, -0.5345220, 0, 1.6035660})
	expectClose(t, "running mean", l.RunningMean.Value.Data, []float32{0.3})
	expectClose(t, "running variance", l.RunningVar.Value.Data, []float32{0.9 + 0.1*14.0/3})
	y = l.Forward(ws, x, false)
	scale := 1 / float32(math.Sqrt(0.9+0.1*14.0/3+1e-5))
	expectClose(t, "inference output", y.Data, []float32{0.7 * scale, 1.7 * scale, 2.7 * scale, 5.7 * scale})
	expectClose(t, "running mean after inference", l.RunningMean.Value.Data, []float32{0.3})
}

func expectClose(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 2e-6 {
			t.Fatalf("%s is %v, want %v", what, got, want)
		}
	}
}

func TestDropoutInInferenceIsIdentity(t *testing.T) {
	l := NewDropout("dropout", 0.5, 1)
	x := randomTensor(1, 3, 4)
	if y := l.Forward(newWorkspace(t), x, false); y != x {
		t.Error("inference changed the input")
	}
	if l.Step != 0 {
		t.Errorf("inference counted as step %d", l.Step)
	}
	if dy := l.Backward(newWorkspace(t), x, true); dy != x {
		t.Error("the gradient of an inactive dropout is not passed on")
	}
}

func TestCrossEntropyGradient(t *testing.T) {
	ws := newWorkspace(t)
	logits, labels := randomTensor(1, 3, 4), []int{0, 3, 1}
	var loss, other CrossEntropy
	loss.Forward(ws, logits, labels)
	for i := range logits.Data {
		const h = 1e-2
		old := logits.Data[i]
		logits.Data[i] = old + h
		above := other.Forward(ws, logits, labels)
		logits.Data[i] = old - h
		below := other.Forward(ws, logits, labels)
		logits.Data[i] = old
		want := (above - below) / (2 * h)
		if got := float64(loss.Gradient().Data[i]); math.Abs(got-want) > 1e-4 {
			t.Errorf("gradient[%d] = %v, differences give %v", i, got, want)
		}
	}
}

// The reference is that of test/peers/training/cross_entropy.py.
func TestWeightedCrossEntropyIsPyTorchs(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "cross_entropy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Cases []struct {
			Classes         int
			Logits, Weights []float32
			Labels          []int
			Loss, Smoothing float64
			Gradient        []float32
		}
	}
	if err := json.Unmarshal(data, &reference); err != nil {
		t.Fatal(err)
	}
	if len(reference.Cases) == 0 {
		t.Fatal("there are no cases")
	}
	for i, tc := range reference.Cases {
		loss := CrossEntropy{Smoothing: tc.Smoothing, Weights: tc.Weights}
		logits := &tensor.Tensor{Shape: []int{len(tc.Labels), tc.Classes}, Data: tc.Logits}
		if got := loss.Forward(newWorkspace(t), logits, tc.Labels); math.Abs(got-tc.Loss) > 1e-6*max(1, tc.Loss) {
			t.Errorf("case %d: loss is %v, want %v", i, got, tc.Loss)
		}
		for k, want := range tc.Gradient {
			if got := loss.Gradient().Data[k]; math.Abs(float64(got-want)) > 1e-6 {
				t.Errorf("case %d: gradient[%d] is %v, want %v", i, k, got, want)
			}
		}
	}
}
