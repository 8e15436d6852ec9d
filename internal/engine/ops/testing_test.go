// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// newWorkspace returns a workspace or ends the test.
func newWorkspace(t testing.TB, set string, threads int) *Workspace {
	t.Helper()
	ws, err := New(Options{Set: set, Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

// forEachSet runs a test with every kernel set that this CPU has.
func forEachSet(t *testing.T, test func(t *testing.T, ws *Workspace)) {
	t.Helper()
	for _, name := range kernels.Names() {
		t.Run(name, func(t *testing.T) { test(t, newWorkspace(t, name, 2)) })
	}
}
