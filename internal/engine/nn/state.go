// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// State is what a checkpoint holds of a network, its optimizer and its average: named tensors and counters. They use names
// that do not meet, so one State takes all.
type State struct {
	Tensors  map[string]*tensor.Tensor
	Counters map[string]uint64
}

// NewState returns an empty state.
func NewState() *State {
	return &State{Tensors: map[string]*tensor.Tensor{}, Counters: map[string]uint64{}}
}

// Save adds a copy of t.
func (s *State) Save(name string, t *tensor.Tensor) { s.Tensors[name] = t.Clone() }

// Load overwrites t with the tensor called name, which must have t's shape.
func (s *State) Load(name string, t *tensor.Tensor) error {
	saved, ok := s.Tensors[name]
	if !ok {
		return fmt.Errorf("state has no tensor %q: it belongs to another network or optimizer", name)
	}
	if err := t.CopyFrom(saved); err != nil {
		return fmt.Errorf("tensor %q: %w", name, err)
	}
	return nil
}

// Counter returns the counter called name.
func (s *State) Counter(name string) (uint64, error) {
	value, ok := s.Counters[name]
	if !ok {
		return 0, fmt.Errorf("state has no counter %q: it belongs to another network or optimizer", name)
	}
	return value, nil
}
