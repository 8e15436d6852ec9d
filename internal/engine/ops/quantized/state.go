// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// state is what these operations keep in a workspace.
type state struct {
	conv   convArgs
	images imageArgs
	sum    sumArgs
}

var states = exec.NewState[state]()
