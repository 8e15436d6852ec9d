// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
)

// eachSet runs a test for each set but the portable one, once with operands that end where an unreadable page begins and once
// with such that begin where one ends.
func eachSet(t *testing.T, test func(t *testing.T, set *Set, guard guard)) {
	t.Helper()
	for _, set := range Sets() {
		if set == &portableSet {
			continue
		}
		t.Run(set.Name+" at the end", func(t *testing.T) { test(t, set, guard{t: t}) })
		t.Run(set.Name+" at the start", func(t *testing.T) { test(t, set, guard{t: t, atStart: true}) })
	}
}

// guard makes operands beside unreadable pages.
type guard struct {
	t       *testing.T
	atStart bool
}

func (g guard) bytes(n int) []uint8 { return enginetest.GuardedBytes(g.t, n, g.atStart) }

// samples are n random bytes.
func (g guard) samples(random *rand.Rand, n int) []uint8 {
	s := g.bytes(n)
	for i := range s {
		s[i] = uint8(random.Uint32())
	}
	return s
}

var lengths = []int{1, 2, 3, 4, 15, 16, 17, 18, 19, 33, 34, 48, 50, 64, 100, 500, 501}

func expectSame[T any](t *testing.T, what string, n int, got, want []T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s of %d (-portable +got):\n%s", what, n, diff)
	}
}

func TestRowKernelsMakeTheSameBits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	eachSet(t, func(t *testing.T, set *Set, guard guard) {
		for _, n := range lengths {
			luma, cb, cr := guard.samples(random, n), guard.samples(random, n), guard.samples(random, n)
			got, want := guard.bytes(channels*n), make([]uint8, channels*n)
			set.ConvertYCC(got, luma, cb, cr)
			convertYCC(want, luma, cb, cr)
			expectSame(t, "ConvertYCC", n, got, want)

			got, want = guard.bytes(n), make([]uint8, n)
			for bias := 1; bias <= 2; bias++ {
				set.SmoothRows(got, luma, cb, bias)
				smoothRows(want, luma, cb, bias)
				expectSame(t, "SmoothRows", n, got, want)
			}
			got, want = guard.bytes(2*n), make([]uint8, 2*n)
			if n >= 2 {
				set.SmoothAcross(got, luma)
				smoothAcross(want, luma)
				expectSame(t, "SmoothAcross", n, got, want)
			}
			if n >= 3 {
				set.SmoothBoth(got, luma, cb)
				smoothBoth(want, luma, cb)
				expectSame(t, "SmoothBoth", n, got, want)
			}
		}
	})
}

// All colors there are.
func TestConvertYCCOfAllColors(t *testing.T) {
	luma, cb, cr := make([]uint8, 256), make([]uint8, 256), make([]uint8, 256)
	got, want := make([]uint8, 3*256), make([]uint8, 3*256)
	for i := range luma {
		luma[i] = uint8(i)
	}
	for _, set := range Sets() {
		for b := range 256 {
			for r := range 256 {
				for i := range cb {
					cb[i], cr[i] = uint8(b), uint8(r)
				}
				set.ConvertYCC(got, luma, cb, cr)
				convertYCC(want, luma, cb, cr)
				if string(got) != string(want) {
					t.Fatalf("%s: colors %d, %d differ", set.Name, b, r)
				}
			}
		}
	}
}

func TestInverseDCTMakesTheSameBits(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	eachSet(t, func(t *testing.T, set *Set, guard guard) {
		for side, of := range map[int]func(*Set) func([]uint8, int, *[BlockLen]int16, *[BlockLen]int32){
			8: func(s *Set) func([]uint8, int, *[BlockLen]int16, *[BlockLen]int32) { return s.InverseDCT },
			4: func(s *Set) func([]uint8, int, *[BlockLen]int16, *[BlockLen]int32) { return s.InverseDCT4 },
			2: func(s *Set) func([]uint8, int, *[BlockLen]int16, *[BlockLen]int32) { return s.InverseDCT2 },
		} {
			const stride = 11
			got, want := guard.bytes((side-1)*stride+side), make([]uint8, (side-1)*stride+side)
			for round := range 2000 {
				block, quant := randomBlock(random, round)
				of(set)(got, stride, &block, &quant)
				of(&portableSet)(want, stride, &block, &quant)
				expectSame(t, "InverseDCT", side, got, want)
			}
		}
	})
}

// randomBlock has from few small coefficients to many of any size, with which sums wrap around.
func randomBlock(random *rand.Rand, round int) (block [BlockLen]int16, quant [BlockLen]int32) {
	bits := 4 + round%13
	for i := range block {
		quant[i] = random.Int32N(1 << min(bits, 16))
		if random.IntN(8) < round%9 {
			block[i] = int16(random.Uint32()) >> (16 - bits)
		}
	}
	return block, quant
}

func TestResizingMakesTheSameBits(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	eachSet(t, func(t *testing.T, set *Set, guard guard) {
		for taps := 1; taps < 12; taps++ {
			const sumsLen, stride = 5 * Lanes, 5*Lanes + 8
			weights := make([]float32, taps)
			for i := range weights {
				weights[i] = random.Float32() / float32(taps)
			}
			rows := guard.samples(random, (taps-1)*stride+sumsLen)
			sums, want := enginetest.Guarded(t, sumsLen, guard.atStart), make([]float32, sumsLen)
			set.WeighRows(sums, rows, stride, weights)
			weighRows(want, rows, stride, weights)
			expectSame(t, "WeighRows", taps, sums, want)

			for _, n := range []int{4, 5, 36, 39} {
				filter := NewFilter(randomTaps(random, n, taps))
				sums := enginetest.GuardedCopy(t, sums[:channels*(n+taps-1)+1], guard.atStart)
				got, want := guard.bytes(channels*n), make([]uint8, channels*n)
				set.FilterRow(got, sums, filter)
				filterRow(want, sums, filter)
				expectSame(t, "FilterRow", n, got, want)
			}
		}
	})
}

// randomTaps are the taps of n pixels, each of the same number of pixels from its own place on.
func randomTaps(random *rand.Rand, n, taps int) []Taps {
	pixels := make([]Taps, n)
	for i := range pixels {
		pixels[i].First = i
		for range taps {
			pixels[i].Weights = append(pixels[i].Weights, (random.Float32()*3-1)/float32(taps))
		}
	}
	return pixels
}
