// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

func newTestNetwork(t testing.TB, config Config) *Network {
	t.Helper()
	n, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// syntheticBatch returns images whose class shows in the sign of their mean.
func syntheticBatch(size, imageSize int) (*tensor.Tensor, []int) {
	random := rand.New(rand.NewPCG(1, 2))
	x, labels := tensor.New(size, channels, imageSize, imageSize), make([]int, size)
	pixels := channels * imageSize * imageSize
	for i := range labels {
		labels[i] = i % 2
		for j := range pixels {
			x.Data[i*pixels+j] = float32(random.NormFloat64() + 0.5*float64(2*labels[i]-1))
		}
	}
	return x, labels
}

// trainSteps makes training steps and returns the losses.
func trainSteps(n *Network, o nn.Optimizer, x *tensor.Tensor, labels []int, steps int) []float64 {
	var loss nn.CrossEntropy
	var losses []float64
	for range steps {
		losses = append(losses, loss.Forward(n.Workspace(), n.Forward(x, true), labels))
		n.Backward(loss.Gradient())
		o.Step(n.Workspace(), 2e-3)
	}
	return losses
}

func newAdam(t testing.TB, n *Network) nn.Optimizer {
	t.Helper()
	o, err := nn.NewAdam(n.Params(), nn.DefaultAdamConfig())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestNewErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		config Config
		want   string
	}{
		"architecture": {Config{Architecture: "ResNet", Classes: 2, ImageSize: 32}, `unknown architecture "ResNet": use one of BaselineCNN, SimpleCNN`},
		"classes":      {Config{Architecture: "SimpleCNN", Classes: 1, ImageSize: 32}, "classes is 1"},
		"image size":   {Config{Architecture: "SimpleCNN", Classes: 2}, "image size is 0"},
		"too small":    {Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: 15}, "images of 15×15 pixels: layer block4.pool"},
		"dropout":      {Config{Architecture: "SimpleCNN", Classes: 2, ImageSize: 32, Dropout: 1}, "dropout is 1"},
		"threads":      {Config{Architecture: "SimpleCNN", Classes: 2, ImageSize: 32, Threads: -1}, "threads is -1"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.config); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one that contains %q", err, tc.want)
			}
		})
	}
}

func TestNetworkStructure(t *testing.T) {
	for name, tc := range map[string]struct {
		parameters int
		names      []string
	}{
		"BaselineCNN": {389_410, []string{
			"block1.conv.weight", "block1.norm.weight", "block1.norm.bias", "block2.conv.weight", "block2.norm.weight",
			"block2.norm.bias", "block3.conv.weight", "block3.norm.weight", "block3.norm.bias", "block4.conv.weight",
			"block4.norm.weight", "block4.norm.bias", "classifier.weight", "classifier.bias",
		}},
		"SimpleCNN": {23_714, []string{
			"block1.conv.weight", "block1.conv.bias", "block2.conv.weight", "block2.conv.bias", "block3.conv.weight",
			"block3.conv.bias", "classifier.weight", "classifier.bias",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			config := Config{Architecture: name, Classes: 2, ImageSize: 32, Dropout: 0.1, Seed: 1}
			n := newTestNetwork(t, config)
			var names []string
			count := 0
			for _, p := range n.Params() {
				names = append(names, p.Name)
				count += p.Value.Len()
			}
			if diff := cmp.Diff(tc.names, names); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			if count != tc.parameters {
				t.Errorf("%d parameters, want %d", count, tc.parameters)
			}
			if n.Architecture() != name || n.Classes() != 2 || n.Config() != config || !slices.Equal(n.InputShape(), []int{3, 32, 32}) {
				t.Errorf("network describes itself as %s, %d classes, %v, %v", n.Architecture(), n.Classes(), n.InputShape(), n.Config())
			}
			if logits := n.Forward(tensor.New(5, 3, 32, 32), false); !slices.Equal(logits.Shape, []int{5, 2}) {
				t.Errorf("logits have shape %v", logits.Shape)
			}
		})
	}
}

// The largest weights of each layer must reach PyTorch's bound 1/√fan-in without crossing it.
func TestInitialWeights(t *testing.T) {
	n := newTestNetwork(t, Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: 32, Seed: 3})
	for _, p := range n.Params() {
		if len(p.Value.Shape) != 4 {
			continue
		}
		fanIn := p.Value.Shape[1] * 9
		largest := 0.0
		for _, v := range p.Value.Data {
			largest = max(largest, math.Abs(float64(v)))
		}
		if ratio := largest * math.Sqrt(float64(fanIn)); ratio > 1 || ratio < 0.98 {
			t.Errorf("%s: the largest weight is %v of the bound", p.Name, ratio)
		}
	}
	other := newTestNetwork(t, Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: 32, Seed: 4})
	if cmp.Equal(n.Params()[0].Value, other.Params()[0].Value) {
		t.Error("another seed gave the same weights")
	}
}

func TestForwardRejectsWrongShape(t *testing.T) {
	n := newTestNetwork(t, Config{Architecture: "SimpleCNN", Classes: 2, ImageSize: 16})
	defer func() {
		if recover() == nil {
			t.Error("images of another size did not panic")
		}
	}()
	n.Forward(tensor.New(1, 3, 8, 8), false)
}

// The loss along each parameter's gradient must fall as fast as the gradient says.
func TestNetworkGradients(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: trains networks")
	}
	for _, name := range contract.Architectures() {
		t.Run(name, func(t *testing.T) {
			n := newTestNetwork(t, Config{Architecture: name, Classes: 3, ImageSize: 16, Dropout: 0.3, Seed: 1})
			x, _ := syntheticBatch(4, 16)
			labels := []int{0, 2, 1, 2}
			var loss nn.CrossEntropy
			value := func() float64 {
				for _, l := range n.Layers() {
					if d, ok := l.(*nn.Dropout); ok {
						d.Step = 0 // the same mask again
					}
				}
				return loss.Forward(n.Workspace(), n.Forward(x, true), labels)
			}
			value()
			n.Backward(loss.Gradient())
			for _, p := range n.Params() {
				gradient := p.Grad.Clone()
				var squares float64
				for _, g := range gradient.Data {
					squares += float64(g) * float64(g)
				}
				// A step this long changes the loss measurably, but crosses few kinks of ReLU and max pooling.
				h := 2e-3 / math.Sqrt(squares)
				move := func(by float64) float64 {
					old := p.Value.Clone()
					for i, g := range gradient.Data {
						p.Value.Data[i] += float32(by * float64(g))
					}
					v := value()
					copy(p.Value.Data, old.Data)
					return v
				}
				if got, want := (move(h)-move(-h))/(2*h), squares; math.Abs(got-want) > 0.05*want {
					t.Errorf("%s: the loss changes by %v along the gradient, want its square %v", p.Name, got, want)
				}
			}
		})
	}
}

func TestLossFalls(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: trains networks")
	}
	x, labels := syntheticBatch(16, 16)
	for _, name := range contract.Architectures() {
		t.Run(name, func(t *testing.T) {
			n := newTestNetwork(t, Config{Architecture: name, Classes: 2, ImageSize: 16, Dropout: 0.1, Seed: 1})
			losses := trainSteps(n, newAdam(t, n), x, labels, 25)
			if last := losses[len(losses)-1]; last > losses[0]/2 {
				t.Errorf("loss went from %v to %v only", losses[0], last)
			}
			if logits := n.Forward(x, false); !finite(logits.Data) {
				t.Errorf("inference gives %v", logits.Data)
			}
		})
	}
}

func finite(values []float32) bool {
	return !slices.ContainsFunc(values, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) })
}

func TestThreadsDoNotChangeTraining(t *testing.T) {
	x, labels := syntheticBatch(6, 16)
	run := func(threads int) []*nn.Param {
		n := newTestNetwork(t, Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: 16, Dropout: 0.2, Seed: 9, Threads: threads})
		trainSteps(n, newAdam(t, n), x, labels, 3)
		return n.Params()
	}
	want := run(1)
	for _, threads := range []int{2, 3, 8} {
		if testing.Short() && threads != 3 {
			continue
		}
		if diff := cmp.Diff(want, run(threads)); diff != "" {
			t.Errorf("%d threads train other weights than one", threads)
		}
	}
}

func TestResumeIsExact(t *testing.T) {
	x, labels := syntheticBatch(6, 16)
	config := Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: 16, Dropout: 0.5, Seed: 9}
	n := newTestNetwork(t, config)
	o := newAdam(t, n)
	trainSteps(n, o, x, labels, 2)
	state := nn.NewState()
	n.Save(state)
	o.Save(state)
	want := trainSteps(n, o, x, labels, 3)

	config.Seed = 10 // only the state may matter for the weights
	resumed := newTestNetwork(t, config)
	for _, l := range resumed.Layers() {
		if d, ok := l.(*nn.Dropout); ok {
			d.Seed = 9
		}
	}
	again := newAdam(t, resumed)
	if err := resumed.Load(state); err != nil {
		t.Fatal(err)
	}
	if err := again.Load(state); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, trainSteps(resumed, again, x, labels, 3)); diff != "" {
		t.Errorf("losses after resuming (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(n.Params(), resumed.Params()); diff != "" {
		t.Error("weights after resuming differ")
	}
	if diff := cmp.Diff(n.Buffers(), resumed.Buffers()); diff != "" {
		t.Error("running statistics after resuming differ")
	}
}

func TestLoadErrors(t *testing.T) {
	n := newTestNetwork(t, Config{Architecture: "BaselineCNN", Classes: 2, ImageSize: 16})
	for name, tc := range map[string]struct {
		remove, counter string
		want            string
	}{
		"no parameter": {"block2.conv.weight", "", `no tensor "block2.conv.weight"`},
		"no buffer":    {"block1.norm.running_var", "", `no tensor "block1.norm.running_var"`},
		"no counter":   {"", "dropout.step", `no counter "dropout.step"`},
	} {
		t.Run(name, func(t *testing.T) {
			state := nn.NewState()
			n.Save(state)
			delete(state.Tensors, tc.remove)
			delete(state.Counters, tc.counter)
			if err := n.Load(state); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one that contains %q", err, tc.want)
			}
		})
	}
}

func TestTrainingDoesNotAllocate(t *testing.T) {
	// The runtime itself allocates now and then where threads wait for each other, more so on a busy machine: what a step
	// allocates shows in each of many.
	const steps = 20
	x, labels := syntheticBatch(4, 16)
	for _, name := range contract.Architectures() {
		n := newTestNetwork(t, Config{Architecture: name, Classes: 2, ImageSize: 16, Dropout: 0.2, Seed: 1})
		o := newAdam(t, n)
		var loss nn.CrossEntropy
		if allocations := testing.AllocsPerRun(steps, func() {
			loss.Forward(n.Workspace(), n.Forward(x, true), labels)
			n.Backward(loss.Gradient())
			o.Step(n.Workspace(), 1e-3)
		}); allocations != 0 {
			t.Errorf("%s: %v allocations a training step, want 0", name, allocations)
		}
		if allocations := testing.AllocsPerRun(steps, func() { n.Forward(x, false) }); allocations != 0 {
			t.Errorf("%s: %v allocations an inference, want 0", name, allocations)
		}
	}
}

func TestTrainingBytes(t *testing.T) {
	const batch, size = 32, 96
	x, labels := syntheticBatch(batch, size)
	for _, name := range contract.Architectures() {
		n := newTestNetwork(t, Config{Architecture: name, Classes: 2, ImageSize: size, Threads: 1})
		got, err := n.TrainingBytes(batch)
		if err != nil {
			t.Fatal(err)
		}
		before := heap()
		var loss nn.CrossEntropy
		loss.Forward(n.Workspace(), n.Forward(x, true), labels)
		n.Backward(loss.Gradient())
		// The images themselves were there before; the workspace's scratch memory comes on top.
		const scratch = 20 << 20
		used := heap() - before + int64(4*x.Len())
		if used < got/10*9 || used > got/10*11+scratch {
			t.Errorf("%s: TrainingBytes = %d, but %d were taken", name, got, used)
		}
		runtime.KeepAlive(n)
	}
}

// heap returns the size of what is reachable.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
