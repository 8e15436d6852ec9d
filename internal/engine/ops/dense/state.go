// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dense

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// state is what products keep in a workspace.
type state struct {
	product Product
	right   Matrix    // the right-hand operand of Gemm
	packed  []float32 // the packed left-hand operand, which all parts read
	workers []worker
}

var states = exec.NewState[state]()

// worker is the scratch memory of one worker.
type worker struct {
	slab   [kBlock * BlockColumns]float32 // a packed block of the right-hand operand
	row    [max(kBlock, BlockColumns)]float32
	tile   [kernels.MaxTile]float32 // one tile of the product
	matrix Matrix                   // the right-hand operand, where each part has its own
}
