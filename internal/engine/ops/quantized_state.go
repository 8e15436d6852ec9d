// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// quantizedState is what these operations keep in a workspace.
type quantizedState struct {
	quantized quantizedArgs
	bytes     quantizedImageArgs
	byteSum   quantizedSumArgs
}

var quantizedStates = exec.NewState[quantizedState]()
