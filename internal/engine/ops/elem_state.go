// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// elemState is what these operations keep in a workspace.
type elemState struct {
	vector    vectorArgs
	broadcast broadcastArgs
	softmax   softmaxArgs
	update    updateArgs
}

var elemStates = exec.NewState[elemState]()
