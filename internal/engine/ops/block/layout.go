// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import "github.com/trainyard-dev/trainyard/internal/engine/kernels"

// What operations and kernels agree on, by short names.
const (
	floatSize  = kernels.FloatSize
	lanes      = kernels.Lanes
	patchLanes = kernels.PatchLanes
	patchSide  = kernels.PatchSide
	patchTaps  = kernels.PatchTaps
	patchTile  = kernels.PatchTile
	quad       = kernels.Quad
)
