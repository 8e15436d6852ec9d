// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import "github.com/trainyard-dev/trainyard/internal/engine/kernels"

// What operations and kernels agree on, by short names.
const (
	dotOuts        = kernels.DotOuts
	dotRows        = kernels.DotRows
	dotSums        = kernels.DotSums
	floatSize      = kernels.FloatSize
	halfOuts       = kernels.HalfOuts
	winogradPoints = kernels.WinogradPoints
	winogradTile   = kernels.WinogradTile
)
