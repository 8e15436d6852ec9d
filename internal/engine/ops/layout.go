// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import "github.com/trainyard-dev/trainyard/internal/engine/kernels"

// What operations and kernels agree on, by short names.
const (
	lanes           = kernels.Lanes
	tileVectors     = kernels.TileVectors
	quad            = kernels.Quad
	floatSize       = kernels.FloatSize
	winogradTile    = kernels.WinogradTile
	winogradPoints  = kernels.WinogradPoints
	winogradScratch = kernels.WinogradScratch
	dotOuts         = kernels.DotOuts
	dotRows         = kernels.DotRows
	dotSums         = kernels.DotSums
	halfOuts        = kernels.HalfOuts
	patchSide       = kernels.PatchSide
	patchTaps       = kernels.PatchTaps
	patchLanes      = kernels.PatchLanes
	patchTile       = kernels.PatchTile
)
