// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// machine is what instructions work on: the kernels and the memory that holds the values of one inference.
type machine struct {
	*kernels.Workspace
	memory []float32
}

// floats is the content of a float32 value.
func (m *machine) floats(v *value) []float32 {
	if v.constant != nil {
		return v.constant.Floats
	}
	offset := v.owner().offset
	return m.memory[offset : offset+v.size()]
}

// optional is the content of a float32 value, or nil if it is left out.
func (m *machine) optional(v *value) []float32 {
	if v == nil {
		return nil
	}
	return m.floats(v)
}

// Session is a Program's working memory for one batch size. It serves one inference at a time and allocates nothing
// in it.
type Session struct {
	plan    *plan
	machine machine
}

func newSession(pl *plan, options kernels.Options) (*Session, error) {
	ws, err := kernels.New(options)
	if err != nil {
		return nil, fmt.Errorf("prepare the kernels: %w", err)
	}
	return &Session{plan: pl, machine: machine{Workspace: ws, memory: make([]float32, pl.memory)}}, nil
}

// Input is the buffer of the i-th input, to be filled before each run: its content does not outlast one.
func (s *Session) Input(i int) []float32 { return s.machine.floats(s.plan.inputs[i]) }

// Output is the buffer of the i-th output, valid until the next run.
func (s *Session) Output(i int) []float32 { return s.machine.floats(s.plan.outputs[i]) }

// OutputShape is the shape of the i-th output.
func (s *Session) OutputShape(i int) []int { return s.plan.outputs[i].shape }

// Run computes the outputs from the inputs.
func (s *Session) Run() {
	for _, step := range s.plan.steps {
		step(&s.machine)
	}
}

// pool keeps the sessions of a plan that are not in use, as many as ever were at once.
type pool struct {
	mu   sync.Mutex
	idle []*Session
}

// take returns a session of the plan.
func (pl *plan) take() (*Session, error) {
	pl.pool.mu.Lock()
	defer pl.pool.mu.Unlock()
	if n := len(pl.pool.idle); n > 0 {
		s := pl.pool.idle[n-1]
		pl.pool.idle = pl.pool.idle[:n-1]
		return s, nil
	}
	return newSession(pl, kernels.Options{Threads: pl.options.Threads})
}

// give takes a session back.
func (pl *plan) give(s *Session) {
	pl.pool.mu.Lock()
	defer pl.pool.mu.Unlock()
	pl.pool.idle = append(pl.pool.idle, s)
}
