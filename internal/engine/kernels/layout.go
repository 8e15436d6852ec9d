// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "unsafe"

// What inner loops and the operations that call them must agree on.
const (
	Lanes       = 8 // elements of a vector, unless a set says otherwise
	TileVectors = 3 // vectors of a tile
	Quad        = 4 // output channels of a tile
	FloatSize   = int(unsafe.Sizeof(float32(0)))
)

// Those of Winograd's F(4×4, 3×3).
const (
	WinogradTile   = 4 // output pixels of a tile, per side
	WinogradPoints = (WinogradTile + 2) * (WinogradTile + 2)
)

// WinogradScratch is the length of the transforms' scratch memory: a vector of the widest set for each point. NEON has
// vectors half as long, and keeps a row of pixels behind them.
const WinogradScratch = WinogradPoints * 2 * Lanes

// Those of products of bytes.
const (
	DotRows  = 6  // pixels of a tile of DotTiles
	DotOuts  = 16 // output channels of a tile
	DotSums  = DotRows * DotOuts
	HalfOuts = DotOuts / 2
)

// Those of the moments of 3×3 patches.
const (
	PatchTaps = 9
	PatchSide = 3
	// PatchLanes is the number of partial sums of each product of two rows.
	PatchLanes = 4
	// PatchTile is the length of the products of two rows in each of three columns.
	PatchTile = PatchSide * PatchSide * PatchLanes
)
