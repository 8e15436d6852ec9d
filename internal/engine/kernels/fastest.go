// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"sync"
	"time"
)

// Fastest returns the set whose products are fastest on this CPU, which is measured once, in less than a millisecond. No flag
// of a CPU says how many units it has for vectors of 512 bits: with two, avx512 computes up to twice as much as the first
// choice; with one, or with two of half the width, no more.
var Fastest = sync.OnceValue(func() *Set {
	var supported []*Set
	for _, s := range sets {
		if s.Supported() {
			supported = append(supported, s)
		}
	}
	return fastest(supported, productTimes(supported))
})

// worthwhile is how many times as fast as the first choice a set must be to replace it: more than timing errs by, and enough
// to be felt beyond the products.
const worthwhile = 1.25

// fastest returns the first of the sets unless another one takes so much less time for an operation that it's worthwhile.
func fastest(sets []*Set, times []float64) *Set {
	best := 0
	for i := range sets {
		if times[i] < times[best] {
			best = i
		}
	}
	if times[0] < worthwhile*times[best] {
		best = 0
	}
	return sets[best]
}

// productTimes returns the seconds that each set takes for an operation of its product: the least of some trials in turns, as
// whatever else the machine does only adds to them, and as a CPU needs a while to wake its widest units.
func productTimes(sets []*Set) []float64 {
	const trials, repeats = 10, 16
	times := make([]float64, len(sets))
	for trial := range trials {
		for i, s := range sets {
			if s == &portableSet && len(sets) > 1 {
				times[i] = 1 // what assembly replaces takes no trial
				continue
			}
			start := time.Now()
			operations := s.TileProducts(repeats)
			took := time.Since(start).Seconds() / float64(operations)
			if trial == 0 || took < times[i] {
				times[i] = took
			}
		}
	}
	return times
}
