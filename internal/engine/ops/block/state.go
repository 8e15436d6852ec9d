// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/norm"
)

// state is what these operations keep in a workspace.
type state struct {
	band     convPoolArgs
	normPool normPoolArgs
	patch    patchArgs

	packed, zeros []float32
	scale, shift  []float32      // of each channel
	moments       []norm.Moments // of each plane
	partial       []float32      // partial sums of the weights' gradient
	sums          []float64      // partial sums of patches' moments and of gradients
	workers       []worker
}

var states = exec.NewState[state]()

// worker is the scratch memory of one worker.
type worker struct {
	choice []uint16
	patch  patchState
}
