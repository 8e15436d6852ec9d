// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
)

// machine is what instructions work on: the kernels and the memory that holds the values of one inference.
type machine struct {
	*exec.Workspace
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

func newSession(pl *plan, options exec.Options) (*Session, error) {
	ws, err := exec.New(options)
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

// pool keeps the sessions of a program that are not in use, as many as ever were at once. All batch sizes share them:
// a session's memory is that of the largest batch it has computed.
type pool struct {
	mu   sync.Mutex
	idle []*Session
}

// take returns a session of a plan.
func (p *pool) take(pl *plan) (*Session, error) {
	s := p.last()
	if s == nil {
		return newSession(pl, pl.options.exec())
	}
	s.plan = pl
	if cap(s.machine.memory) < pl.memory {
		s.machine.memory = nil // the old memory is free before there is new
		s.machine.memory = make([]float32, pl.memory)
	}
	s.machine.memory = s.machine.memory[:pl.memory]
	return s, nil
}

// last takes a session out of the pool; nil if there is none.
func (p *pool) last() *Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	s := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return s
}

// give takes a session back.
func (p *pool) give(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, s)
}
