// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"math"

	"golang.org/x/sys/cpu"
)

// neonQuantized returns the kernels of 8 bits, or nil if this CPU has no products of four bytes. One of those does four times
// the work of any product of 16 bits, so there is none of these, and no Winograd's algorithm.
func neonQuantized() *quantizedKernels {
	if !cpu.ARM64.HasASIMDDP {
		return nil
	}
	return &quantizedKernels{
		dotBytes:       dotBytes6x16,
		bytesLimit:     -math.MinInt8,
		requantize:     requantize16,
		pool:           poolBytes16,
		add:            addBytes32,
		quantizePixels: quantizePixels4,
	}
}
