// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Average is the exponential moving average of the tensors of a network over the steps of an optimizer: of parameters as
// of buffers, which belong to weights that the network no longer has otherwise. It is torch's AveragedModel with
// get_ema_multi_avg_fn and use_buffers.
type Average struct {
	decay  float64
	values []*tensor.Tensor // what is averaged: parameters, then buffers
	names  []string
	means  []*tensor.Tensor
	steps  uint64
}

// averageCounter names the counter of averaged steps in a State.
const averageCounter = "average.step"

// NewAverage returns an average of which each step keeps the given share, in (0, 1).
func NewAverage(params []*Param, buffers []*Buffer, decay float64) (*Average, error) {
	if !(decay > 0 && decay < 1) {
		return nil, fmt.Errorf("the decay of the average is %v: it must be above 0 and below 1", decay)
	}
	a := &Average{decay: decay}
	add := func(name string, value *tensor.Tensor) {
		a.values, a.names, a.means = append(a.values, value), append(a.names, "average."+name), append(a.means, tensor.New(value.Shape...))
	}
	for _, p := range params {
		add(p.Name, p.Value)
	}
	for _, b := range buffers {
		add(b.Name, b.Value)
	}
	return a, nil
}

// Update takes in what the network is after a step. The first one is the average of itself.
func (a *Average) Update(ws *exec.Workspace) {
	for i, value := range a.values {
		if a.steps == 0 {
			copy(a.means[i].Data, value.Data)
			continue
		}
		elem.UpdateAverage(ws, float32(1-a.decay), value.Data, a.means[i].Data)
	}
	a.steps++
}

// Swap exchanges the network's tensors with their averages. It must be called again before the next step.
func (a *Average) Swap() {
	for i, value := range a.values {
		mean := a.means[i].Data
		for j, v := range value.Data {
			value.Data[j], mean[j] = mean[j], v
		}
	}
}

// Save adds the average to s, in which its names meet no others.
func (a *Average) Save(s *State) {
	s.Counters[averageCounter] = a.steps
	for i, name := range a.names {
		s.Save(name, a.means[i])
	}
}

// Load restores what Save stored.
func (a *Average) Load(s *State) (err error) {
	if a.steps, err = s.Counter(averageCounter); err != nil {
		return err
	}
	for i, name := range a.names {
		if err := s.Load(name, a.means[i]); err != nil {
			return err
		}
	}
	return nil
}
