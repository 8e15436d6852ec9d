// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wideGemmTile generates the product of a packed panel of 8 rows and one of 48 columns: 24 sums, 3 vectors of B and one
// broadcast element of A.
func wideGemmTile() {
	const rows, vectors = 8, 3
	function("gemmTile8x48", "func(k int, a, b, c *float32)")
	Doc("gemmTile8x48 computes c[r*48+j] = Σ_p a[p*8+r]·b[p*48+j] for 0 ≤ p < k, k ≥ 1.")
	k := Load(Param("k"), GP64())
	a := Load(Param("a"), GP64())
	b := Load(Param("b"), GP64())
	c := Load(Param("c"), GP64())
	sums := wideZeroed(rows * vectors)
	Label("wideGemmLoop")
	var columns [vectors]reg.VecVirtual
	for v := range columns {
		columns[v] = ZMM()
		VMOVUPS(Mem{Base: b, Disp: wideBytes * v}, columns[v])
	}
	for r := range rows {
		wideMultiplyRow(r, Mem{Base: a, Disp: 4 * r}, columns[:], sums[r*vectors:][:vectors], whole)
	}
	ADDQ(Imm(4*rows), a)
	ADDQ(U32(wideBytes*vectors), b)
	DECQ(k)
	JNZ(LabelRef("wideGemmLoop"))
	for i, sum := range sums {
		VMOVUPS(sum, Mem{Base: c, Disp: wideBytes * i})
	}
	VZEROUPPER()
	RET()
}

// wideMultiplyRow adds to row r of sums the products of an element in memory with some columns. Every other row takes the
// element as an operand from memory: a broadcast of its own may cost the time of arithmetic, an operand costs a load for
// each product, and the mean of both fits below the time of the products. part chooses the part of the i-th vector in use.
func wideMultiplyRow(r int, element Mem, columns, sums []reg.VecVirtual, part func(v reg.VecVirtual, i int) reg.Register) {
	if r%2 == 1 {
		for i := range columns {
			VFMADD231PS_BCST(element, part(columns[i], i), part(sums[i], i))
		}
		return
	}
	v := ZMM()
	VBROADCASTSS(element, part(v, 0))
	for i := range columns {
		VFMADD231PS(part(v, i), part(columns[i], i), part(sums[i], i))
	}
}

// whole is the part of a vector that is all of it.
func whole(v reg.VecVirtual, _ int) reg.Register { return v }

// wideColumns is the largest number of vectors of 8 columns that wideRowsProduct multiplies: 3 of 16.
const wideColumns = 6

// wideRowsProduct generates rowsProduct for AVX-512. Two quads at a time share the loads of the columns.
func wideRowsProduct(kind string, vectors int, from start) {
	name := fmt.Sprint("wideRows", kind, vectors)
	signature := "func(quads int, u *float32, channels int, v *float32, vStride int, m *float32, mStride int"
	if from == fromZero {
		function(name, signature+")")
	} else {
		function(name, signature+", bias *float32, floor, ceiling float32)")
	}
	Doc(fmt.Sprintf("%s is rows%s1 with %d columns.", name, kind, 8*vectors))
	p := &rowsProductWide{name: name, vectors: vectors, from: from}
	if from != fromZero {
		p.bias = Load(Param("bias"), GP64())
	}
	p.u, p.m = Load(Param("u"), GP64()), Load(Param("m"), GP64())
	p.vStride, p.mStride = Load(Param("vStride"), GP64()), Load(Param("mStride"), GP64())
	quads := Load(Param("quads"), GP64())
	SUBQ(Imm(2), quads)
	JLT(LabelRef(name + "Last"))
	Label(name + "Pair")
	p.multiply("PairChannel", 2)
	SUBQ(Imm(2), quads)
	JGE(LabelRef(name + "Pair"))
	Label(name + "Last")
	ADDQ(Imm(2), quads)
	JZ(LabelRef(name + "Done"))
	p.multiply("LastChannel", 1)
	Label(name + "Done")
	VZEROUPPER()
	RET()
}

// rowsProductWide is what the loops of one such kernel have in common.
type rowsProductWide struct {
	name                         string
	vectors                      int
	from                         start
	bias, u, m, vStride, mStride reg.Register
}

// vector returns the part of a vector that holds columns 16·i on: half of it if that are the last 8.
func (p *rowsProductWide) vector(v reg.VecVirtual, i int) reg.Register {
	if 2*i+1 == p.vectors {
		return v.AsY()
	}
	return v
}

// multiply computes the rows of one or two quads and moves on to the next.
func (p *rowsProductWide) multiply(label string, quads int) {
	width := (p.vectors + 1) / 2
	u := []reg.Register{p.u}
	channels := Load(Param("channels"), GP64())
	if quads == 2 {
		second := GP64()
		MOVQ(channels, second)
		SHLQ(Imm(4), second) // 4·tileChannels bytes a channel
		ADDQ(p.u, second)
		u = append(u, second)
	}
	v := Load(Param("v"), GP64())
	sums := p.start(quads * tileChannels)
	Label(p.name + label)
	for _, pointer := range u {
		PREFETCHT0(Mem{Base: pointer, Disp: weightsAhead})
	}
	columns := make([]reg.VecVirtual, width)
	for i := range columns {
		columns[i] = ZMM()
		VMOVUPS(Mem{Base: v, Disp: wideBytes * i}, p.vector(columns[i], i))
	}
	for k := range sums {
		wideMultiplyRow(k, Mem{Base: u[k/tileChannels], Disp: 4 * (k % tileChannels)}, columns, sums[k], p.vector)
	}
	ADDQ(p.vStride, v)
	for _, pointer := range u {
		ADDQ(Imm(4*tileChannels), pointer)
	}
	DECQ(channels)
	JNZ(LabelRef(p.name + label))
	MOVQ(u[quads-1], p.u)
	p.store(sums)
}

// start returns what the sums of some rows begin with.
func (p *rowsProductWide) start(rows int) [][]reg.VecVirtual {
	width := (p.vectors + 1) / 2
	sums := make([][]reg.VecVirtual, rows)
	if p.from == fromZero {
		zeroed := wideZeroed(rows * width)
		for k := range sums {
			sums[k] = zeroed[k*width:][:width]
		}
		return sums
	}
	row := GP64()
	if p.from == fromResult {
		MOVQ(p.m, row)
	}
	for k := range sums {
		for i := range width {
			sums[k] = append(sums[k], ZMM())
			sum := p.vector(sums[k][i], i)
			VBROADCASTSS(Mem{Base: p.bias, Disp: 4 * k}, sum)
			if p.from == fromResult {
				VADDPS(Mem{Base: row, Disp: wideBytes * i}, sum, sum)
			}
		}
		if p.from == fromResult {
			ADDQ(p.mStride, row)
		}
	}
	return sums
}

// store finishes rows of sums, writes them and moves on to the next.
func (p *rowsProductWide) store(sums [][]reg.VecVirtual) {
	var floor, ceiling reg.VecVirtual
	if p.from != fromZero {
		floor, ceiling = wideBound("floor"), wideBound("ceiling")
		ADDQ(Imm(uint64(4*len(sums))), p.bias)
	}
	for _, row := range sums {
		for i := range row {
			sum := p.vector(row[i], i)
			if p.from != fromZero {
				VMAXPS(sum, p.vector(floor, i), sum)
				VMINPS(sum, p.vector(ceiling, i), sum)
			}
			VMOVUPS(sum, Mem{Base: p.m, Disp: wideBytes * i})
		}
		ADDQ(p.mStride, p.m)
	}
}
