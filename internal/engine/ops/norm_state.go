// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// normState is what these operations keep in a workspace.
type normState struct {
	norm    normArgs
	rowNorm rowNormArgs
	moments []moments // of each plane
	inverse []float32 // 1/√(variance+eps) per channel
}

var normStates = exec.NewState[normState]()
