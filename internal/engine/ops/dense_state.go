// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// denseState is what products keep in a workspace.
type denseState struct {
	gemm    gemmArgs
	right   Matrix    // the right-hand operand of Gemm
	packed  []float32 // the packed left-hand operand, which all parts read
	workers []denseWorker
}

var denseStates = exec.NewState[denseState]()

// denseWorker is the scratch memory of one worker.
type denseWorker struct {
	slab   [kBlock * nBlock]float32 // a packed block of the right-hand operand
	row    [max(kBlock, nBlock)]float32
	tile   [kernels.MaxTile]float32 // one tile of the product
	matrix Matrix                   // the right-hand operand, where each part has its own
}
