// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// state is what convolutions keep in a workspace.
type state struct {
	conv        convArgs
	direct      directArgs
	wino        winogradArgs
	winoWeights winogradWeightsArgs
	column      columnArgs
	plane       planeArgs
	strip       stripArgs
	planes      planeStrips
	expansion   expansionArgs

	once      weights   // those of a call that brings its own
	packed    []float32 // transformed tiles
	partial   []float32 // partial sums of the weights' gradient
	zeros     []float32
	unpooled  []float32
	tileMasks []int32 // which pixels of a row of tiles are inside the image
}

var states = exec.NewState[state]()
