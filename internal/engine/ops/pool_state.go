// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// poolState is what these operations keep in a workspace.
type poolState struct {
	pool   poolArgs
	global globalArgs
}

var poolStates = exec.NewState[poolState]()
