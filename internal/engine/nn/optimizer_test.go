// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

var optimizers = map[string]func([]*Param) (Optimizer, error){
	"SGD": func(p []*Param) (Optimizer, error) { return NewSGD(p, SGDConfig{WeightDecay: 0.01}) },
	"SGD with momentum": func(p []*Param) (Optimizer, error) {
		return NewSGD(p, SGDConfig{Momentum: 0.9, Nesterov: true})
	},
	"Adam":  func(p []*Param) (Optimizer, error) { return NewAdam(p, DefaultAdamConfig()) },
	"AdamW": func(p []*Param) (Optimizer, error) { return NewAdamW(p, AdamConfig{0.9, 0.99, 1e-8, 0.1}) },
}

// stepTowards sets the gradient of ½|value-target|² and makes a step.
func stepTowards(t *testing.T, o Optimizer, p *Param, target *tensor.Tensor) {
	t.Helper()
	for i, v := range p.Value.Data {
		p.Grad.Data[i] = v - target.Data[i]
	}
	o.Step(newWorkspace(t), 0.05)
}

func TestOptimizerResumesExactly(t *testing.T) {
	target := randomTensor(1, 4, 5)
	for name, build := range optimizers {
		t.Run(name, func(t *testing.T) {
			p := newParam("layer", "weight", 4, 5)
			o, err := build([]*Param{p})
			if err != nil {
				t.Fatal(err)
			}
			start := distance(p.Value, target)
			for range 3 {
				stepTowards(t, o, p, target)
			}
			if now := distance(p.Value, target); now >= start {
				t.Errorf("distance to the minimum went from %v to %v", start, now)
			}
			state := NewState()
			o.Save(state)
			state.Save(p.Name, p.Value)
			for range 2 {
				stepTowards(t, o, p, target)
			}
			resumed := newParam("layer", "weight", 4, 5)
			again, err := build([]*Param{resumed})
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Load(state); err != nil {
				t.Fatal(err)
			}
			if err := state.Load(resumed.Name, resumed.Value); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				stepTowards(t, again, resumed, target)
			}
			if diff := cmp.Diff(p.Value, resumed.Value); diff != "" {
				t.Errorf("resumed training differs (-want +got):\n%s", diff)
			}
		})
	}
}

func distance(a, b *tensor.Tensor) float64 {
	d := a.Clone()
	for i := range d.Data {
		d.Data[i] -= b.Data[i]
	}
	return dot(d, d)
}

func TestOptimizerRejectsForeignState(t *testing.T) {
	for name, build := range optimizers {
		t.Run(name, func(t *testing.T) {
			p := newParam("layer", "weight", 2)
			o, err := build([]*Param{p})
			if err != nil {
				t.Fatal(err)
			}
			if err := o.Load(NewState()); err == nil || !strings.Contains(err.Error(), "no counter") {
				t.Errorf("error is %v, want one about the missing counter", err)
			}
			state := NewState()
			o.Save(state)
			for name := range state.Tensors {
				state.Tensors[name] = tensor.New(3)
			}
			if err := o.Load(state); len(state.Tensors) > 0 && (err == nil || !strings.Contains(err.Error(), "shape")) {
				t.Errorf("error is %v, want one about the shape", err)
			}
		})
	}
}

func TestOptimizerConfigErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		build func() error
		want  string
	}{
		"momentum":  {func() error { _, err := NewSGD(nil, SGDConfig{Momentum: 1}); return err }, "momentum is 1"},
		"decay":     {func() error { _, err := NewSGD(nil, SGDConfig{WeightDecay: -1}); return err }, "weight decay is -1"},
		"beta":      {func() error { _, err := NewAdam(nil, AdamConfig{Beta1: 2, Epsilon: 1}); return err }, "betas are 2 and 0"},
		"epsilon":   {func() error { _, err := NewAdamW(nil, AdamConfig{}); return err }, "epsilon is 0"},
		"its decay": {func() error { _, err := NewAdam(nil, AdamConfig{Epsilon: 1, WeightDecay: -1}); return err }, "weight decay is -1"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.build(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one that contains %q", err, tc.want)
			}
		})
	}
}
