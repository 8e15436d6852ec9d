// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package pooling

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// state is what these operations keep in a workspace.
type state struct {
	window windowArgs
	global globalArgs
}

var states = exec.NewState[state]()
