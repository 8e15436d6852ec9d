// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package exec

import "sync/atomic"

// State is a place in every workspace for what a package of operations keeps there, a T: the arguments of the operation
// that runs, where its parts, which are plain functions, find them without a closure being allocated, and scratch memory
// that the parts share. A T begins as its zero value.
type State[T any] struct{ index int }

// places is the number of states that have been reserved.
var places atomic.Int64

// NewState reserves a place. It is called for variables of packages, not for each workspace.
func NewState[T any]() State[T] { return State[T]{index: int(places.Add(1)) - 1} }

// Of returns the T of a workspace. Parts may call it too, as the operation that runs them called it before.
func (s State[T]) Of(ws *Workspace) *T {
	if s.index < len(ws.states) {
		if t, ok := ws.states[s.index].(*T); ok {
			return t
		}
	}
	return s.add(ws)
}

// add makes the T of a workspace.
func (s State[T]) add(ws *Workspace) *T {
	for len(ws.states) <= s.index {
		ws.states = append(ws.states, nil)
	}
	t := new(T)
	ws.states[s.index] = t
	return t
}
