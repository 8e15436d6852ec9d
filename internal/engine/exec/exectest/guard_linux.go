// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package exectest

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
)

// GuardWorkers replaces the scratch memory of workers by memory between unreadable pages, of the same size.
func GuardWorkers(t *testing.T, ws *exec.Workspace, atStart bool) {
	t.Helper()
	for i := range ws.Threads() {
		worker := ws.Worker(i)
		worker.Buffer = enginetest.GuardedCopy(t, worker.Buffer, atStart)
	}
}
