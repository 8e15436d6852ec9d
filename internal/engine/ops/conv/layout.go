// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import "github.com/trainyard-dev/trainyard/internal/engine/kernels"

// What operations and kernels agree on, by short names.
const (
	floatSize       = kernels.FloatSize
	lanes           = kernels.Lanes
	quad            = kernels.Quad
	tileVectors     = kernels.TileVectors
	winogradPoints  = kernels.WinogradPoints
	winogradScratch = kernels.WinogradScratch
	winogradTile    = kernels.WinogradTile
)
