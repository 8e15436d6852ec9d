// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"fmt"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
)

// Vector kernels touch nothing before and behind their operands, whatever is left of a vector.
func TestVectorKernelsStayInBounds(t *testing.T) {
	for _, name := range Names() {
		set, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, atStart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/atStart=%t", name, atStart), func(t *testing.T) {
				for _, k := range vectorKernels(t, set) {
					for _, n := range lengthsAroundBlocks {
						k.call.Call(k.operands(n, func(values []float32) []float32 { return enginetest.GuardedCopy(t, values, atStart) }))
					}
				}
			})
		}
	}
}
