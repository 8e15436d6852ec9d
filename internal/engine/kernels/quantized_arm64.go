// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"math"

	"golang.org/x/sys/cpu"
)

// neonQuantized returns the kernels of 8 bits, or nil if this CPU has no products of four bytes. One of those does four times
// the work of any product of 16 bits, so there is none of these, and no Winograd's algorithm.
func neonQuantized() *Quantized {
	if !cpu.ARM64.HasASIMDDP {
		return nil
	}
	return &Quantized{
		DotBytes:       dotBytes6x16,
		BytesLimit:     -math.MinInt8,
		Requantize:     requantize16,
		Pool:           poolBytes16,
		Add:            addBytes32,
		QuantizePixels: quantizePixels4,
	}
}
