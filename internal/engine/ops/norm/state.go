// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package norm

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// state is what these operations keep in a workspace.
type state struct {
	batch   batchArgs
	rows    rowsArgs
	moments []Moments // of each plane
	inverse []float32 // 1/√(variance+eps) per channel
}

var states = exec.NewState[state]()
