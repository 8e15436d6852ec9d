// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// state is what these operations keep in a workspace.
type state struct {
	vector    vectorArgs
	broadcast broadcastArgs
	softmax   softmaxArgs
	update    updateArgs
}

var states = exec.NewState[state]()
