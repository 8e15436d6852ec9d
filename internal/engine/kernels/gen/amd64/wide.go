// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The AVX-512 kernels have vectors of 16 elements. Where a driver counts in vectors of 8, two of them make one, and an odd
// last one is a half or is masked.
const (
	wideLanes = 16
	wideBytes = 64
)

// wideKernels generates the AVX-512 kernels.
func wideKernels() {
	wideGemmTile()
	wideConvTile()
	wideConvWeightTile()
	wideVectors()
	wideSplit()
	wideHalve()
	wideNormPool()
	wideNormPoolSums()
	wideNormPoolBackward()
	wideUnpool()
	wideDepthwise()
	wideDotTiles("wideDotTiles", false)
	wideDotTiles("wideDotTilesVNNI", true)
	wideDotBytes()
	wideConvBytes()
	wideWinogradInput()
	wideWinogradOutput("wideWinogradOutput", false)
	wideWinogradOutput("wideWinogradOutputPool", true)
	for vectors := 1; vectors <= wideColumns; vectors++ {
		wideRowsProduct("Product", vectors, fromZero)
		wideRowsProduct("Convolution", vectors, fromBias)
		wideRowsProduct("Accumulation", vectors, fromResult)
	}
}

// wideZeroed returns n zeroed 512-bit registers. avo does not know that VPXORD depends on no earlier value of its register
// and would reserve one from the function's start for each: all but one are copies.
func wideZeroed(n int) []reg.VecVirtual {
	registers := make([]reg.VecVirtual, n)
	for i := range registers {
		registers[i] = ZMM()
		if i == 0 {
			VPXORD(registers[0], registers[0], registers[0])
		} else {
			VMOVAPS(registers[0], registers[i])
		}
	}
	return registers
}

// wideBound broadcasts a parameter from memory.
func wideBound(name string) reg.VecVirtual {
	address, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := ZMM()
	VBROADCASTSS(address.Addr, v)
	return v
}

// wideIntegers fills a vector with an integer.
func wideIntegers(value uint32) reg.VecVirtual {
	scalar, v := GP32(), ZMM()
	MOVL(U32(value), scalar)
	VPBROADCASTD(scalar, v)
	return v
}

// wideTables are the tables that wideTable has written.
var wideTables = map[string]Mem{}

// wideTable loads a table of constants, element(i) being the i-th of 16.
func wideTable(name string, element func(i int) int) reg.VecVirtual {
	table, written := wideTables[name]
	if !written {
		table = GLOBL(name, attr.RODATA|attr.NOPTR)
		for i := range wideLanes {
			DATA(4*i, U32(element(i)))
		}
		wideTables[name] = table
	}
	v := ZMM()
	VMOVDQU32(table, v)
	return v
}

// evenElements and oddElements select, from two vectors, every other element; lowPairs and highPairs interleave the
// elements of the lower, or the upper, halves of two vectors.
func evenElements() reg.VecVirtual {
	return wideTable("evenElements", func(i int) int { return 2 * i })
}
func oddElements() reg.VecVirtual {
	return wideTable("oddElements", func(i int) int { return 2*i + 1 })
}
func lowPairs() reg.VecVirtual {
	return wideTable("lowPairs", func(i int) int { return i/2 + i%2*wideLanes })
}
func highPairs() reg.VecVirtual {
	return wideTable("highPairs", func(i int) int { return (i+wideLanes)/2 + i%2*wideLanes })
}

// selected returns the elements of a, then b that the table selector names.
func selected(selector, a, b reg.VecVirtual) reg.VecVirtual {
	v := ZMM()
	VMOVAPS(a, v)
	VPERMT2PS(b, selector, v)
	return v
}

// lowLanes returns a mask of the n lowest lanes, n below 32.
func lowLanes(n reg.Register) reg.Register {
	ones, lanes := GP32(), GP32()
	MOVL(I32(-1), ones)
	BZHIL(n, ones, lanes)
	mask := K()
	KMOVD(lanes, mask)
	return mask
}

// addHalves adds the upper half of each 512-bit vector to its lower half.
func addHalves(vectors []reg.VecVirtual) {
	for _, v := range vectors {
		upper := YMM()
		VEXTRACTF32X8(Imm(1), v, upper)
		VADDPS(upper, v.AsY(), v.AsY())
	}
}

// wideSums returns the sums of four 512-bit vectors' elements as one 128-bit vector; the inputs are overwritten.
func wideSums(v []reg.VecVirtual) reg.Register {
	// Each step halves the number of vectors, then that of their parts of 4 elements.
	pairs := [2]reg.VecVirtual{ZMM(), ZMM()}
	for i, pair := range pairs {
		VUNPCKLPS(v[2*i+1], v[2*i], pair)
		VUNPCKHPS(v[2*i+1], v[2*i], v[2*i])
		VADDPS(v[2*i], pair, pair)
	}
	low := ZMM()
	VUNPCKLPD(pairs[1], pairs[0], low)
	VUNPCKHPD(pairs[1], pairs[0], pairs[0])
	VADDPS(pairs[0], low, low)
	addHalves([]reg.VecVirtual{low})
	high := XMM()
	VEXTRACTF32X4(Imm(1), low.AsY(), high)
	VADDPS(high, low.AsX(), high)
	return high
}
