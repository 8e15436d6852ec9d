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

	packed    []float32 // weights as the method wants them, or transformed tiles
	partial   []float32 // partial sums of the weights' gradient
	zeros     []float32
	padded    []float32 // a bias with room for missing output channels
	unpooled  []float32
	tileMasks []int32 // which pixels of a row of tiles are inside the image
}

var states = exec.NewState[state]()
