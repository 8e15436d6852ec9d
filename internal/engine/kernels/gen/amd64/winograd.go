// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of Winograd's F(4×4, 3×3) work on 8 neighboring tiles of 4×4 pixels at a time, a tile to a lane.
const (
	points      = 6 // of a transformed tile, per side
	outputs     = 4 // pixels of a tile, per side
	vectorBytes = 32
	cacheLine   = 64
)

const (
	bitsOf2 = 0x40000000
	bitsOf4 = 0x40800000
	bitsOf5 = 0x40A00000
	bitsOf8 = 0x41000000
)

// inputTransform passes the rows of Bᵀd to store, for the six vectors d, as they become known: registers are scarce.
// vector returns a new register.
func inputTransform(vector func() reg.VecVirtual, d [points]reg.VecVirtual, two, four, five reg.VecVirtual, store func(i int, t reg.VecVirtual)) {
	even, odd, t := vector(), vector(), vector()
	// t1, t2 = (d4 - 4·d2) ± (d3 - 4·d1)
	VMOVAPS(d[4], even)
	VFNMADD231PS(four, d[2], even)
	VMOVAPS(d[3], odd)
	VFNMADD231PS(four, d[1], odd)
	VADDPS(odd, even, t)
	store(1, t)
	VSUBPS(odd, even, even)
	store(2, even)
	// t3, t4 = (d4 - d2) ± 2·(d3 - d1)
	VSUBPS(d[2], d[4], even)
	VSUBPS(d[1], d[3], odd)
	VMOVAPS(even, t)
	VFMADD231PS(two, odd, t)
	store(3, t)
	VFNMADD231PS(two, odd, even)
	store(4, even)
	// t0 = 4·d0 - 5·d2 + d4, t5 = 4·d1 - 5·d3 + d5
	VFMADD231PS(four, d[0], d[4])
	VFNMADD231PS(five, d[2], d[4])
	store(0, d[4])
	VFMADD231PS(four, d[1], d[5])
	VFNMADD231PS(five, d[3], d[5])
	store(5, d[5])
}

// outputTransform returns Aᵀm for the six vectors m, which it overwrites.
func outputTransform(vector func() reg.VecVirtual, m [points]reg.VecVirtual, two, four, eight reg.VecVirtual) [outputs]reg.VecVirtual {
	sum34, difference34 := vector(), vector()
	VADDPS(m[4], m[3], sum34)
	VSUBPS(m[4], m[3], difference34)
	sum12, difference12 := m[3], m[4]
	VADDPS(m[2], m[1], sum12)
	VSUBPS(m[2], m[1], difference12)
	VADDPS(sum12, m[0], m[0])
	VADDPS(sum34, m[0], m[0])
	VADDPS(difference12, m[5], m[5])
	VFMADD231PS(eight, difference34, m[5])
	VFMADD231PS(two, difference34, difference12)
	VFMADD231PS(four, sum34, sum12)
	return [outputs]reg.VecVirtual{m[0], difference12, sum12, m[5]}
}

// vectorSize is the size of the vectors that a kernel computes with.
type vectorSize struct {
	bytes  int
	vector func() reg.VecVirtual            // returns a new register
	fill   func(bits uint32) reg.VecVirtual // returns a vector filled with a number
	bound  func(name string) reg.VecVirtual // returns a vector filled with a parameter
}

var vectorsOf8 = vectorSize{vectorBytes, YMM, integers, bound}

// winogradInput generates the transform of the input.
func winogradInput() {
	function("winogradInput", winogradInputSignature)
	Doc("winogradInput transforms groups ≥ 1 of 8 neighboring tiles, each of 6×6 pixels, 4 apart from tile to tile, of the plane",
		"x. The tiles' first row begins at bytes from x; rows that do not begin within planeBytes are zeros, which has",
		"36 elements. The first tile's left pixel is column from the beginning of its row; of the 32 pixels a group and 4 more behind",
		"that, those are read whose masks are negative. Point (i, j) of the tiles goes to v at (6·i+j)·pointStride. scratch",
		"has 36 vectors of 8. All distances are in bytes.")
	winogradInputBody("winogradInput", vectorsOf8, vectorsOfTiles(vectorBytes), func() tileSource {
		return planeTiles(vectorsOf8, func(reg.Register) {}, columnsOfTiles)
	})
}

// loadMasked loads pixels where masks, at the same distance, are negative, and zeros elsewhere.
func loadMasked(row, masks reg.Register, disp int, v reg.VecVirtual) {
	VMOVUPS(Mem{Base: masks, Disp: disp}, v)
	VMASKMOVPS(Mem{Base: row, Disp: disp}, v, v)
}

// columnsOfTiles returns the six columns of pixels that 8 tiles need, which lie side by side in memory.
func columnsOfTiles(row, masks reg.Register) [points]reg.VecVirtual {
	var d [points]reg.VecVirtual
	for i := range d {
		d[i] = YMM()
	}
	// Pairs of tiles 0 and 1, 2 and 3, 4 and 5, 6 and 7 become pairs of a tile and the one that is 4 further on.
	var pairs [4]reg.VecVirtual
	for i := range pairs {
		pairs[i] = YMM()
		loadMasked(row, masks, vectorBytes*i, pairs[i])
	}
	last := XMM()
	loadMasked(row, masks, vectorBytes*len(pairs), last)
	a, b, c, e, next := YMM(), YMM(), YMM(), YMM(), YMM()
	VPERM2F128(Imm(lowerHalves), pairs[2], pairs[0], a)
	VPERM2F128(Imm(upperHalves), pairs[2], pairs[0], b)
	VPERM2F128(Imm(lowerHalves), pairs[3], pairs[1], c)
	VPERM2F128(Imm(upperHalves), pairs[3], pairs[1], e)
	VINSERTF128(Imm(1), last, pairs[2], next) // the tiles' fifth and sixth pixels are the next tiles' first two
	low, high := YMM(), YMM()
	VUNPCKLPS(c, b, low)
	VUNPCKLPS(next, e, high)
	VUNPCKLPD(high, low, d[4])
	VUNPCKHPD(high, low, d[5])
	VUNPCKLPS(b, a, d[0])
	VUNPCKHPS(b, a, d[2])
	VUNPCKLPS(e, c, low)
	VUNPCKHPS(e, c, high)
	VUNPCKHPD(low, d[0], d[1])
	VUNPCKLPD(low, d[0], d[0])
	VUNPCKHPD(high, d[2], d[3])
	VUNPCKLPD(high, d[2], d[2])
	return d
}

// Selectors of VPERM2F128: the lower, or the upper, halves of two vectors.
const (
	lowerHalves = 0x20
	upperHalves = 0x31
)

const winogradInputSignature = "func(groups int, x *float32, column, at, rowBytes, planeBytes int, zeros *float32, masks *int32, v *float32, pointStride int, scratch *float32)"

// tileSource is where a kernel that transforms the input takes vectors of tiles from.
type tileSource struct {
	begin func()                        // goes to the first row of a vector of tiles
	row   func() [points]reg.VecVirtual // returns the next row of pixels, by their place in the tile
	end   func()                        // goes to the next vector of tiles
}

// planeTiles takes tiles from a plane, with zeros for what lies beyond it. columns returns the pixels of a row of the tiles, by
// their place in the tile, after prepare has been called with the masks of these tiles.
func planeTiles(size vectorSize, prepare func(masks reg.Register), columns func(row, masks reg.Register) [points]reg.VecVirtual) tileSource {
	x := Load(Param("x"), GP64())
	ADDQ(Load(Param("column"), GP64()), x)
	rowBytes := Load(Param("rowBytes"), GP64())
	planeBytes := Load(Param("planeBytes"), GP64())
	zeros := Load(Param("zeros"), GP64())
	masks := Load(Param("masks"), GP64())
	at := GP64()
	return tileSource{
		begin: func() {
			Load(Param("at"), at)
			prepare(masks)
		},
		row: func() [points]reg.VecVirtual {
			row := GP64()
			LEAQ(Mem{Base: x, Index: at, Scale: 1}, row)
			for line := range size.bytes * outputs / cacheLine {
				PREFETCHT0(Mem{Base: row, Index: planeBytes, Scale: 1, Disp: cacheLine * line}) // of the next plane
			}
			CMPQ(at, planeBytes)
			CMOVQCC(zeros, row)
			ADDQ(rowBytes, at)
			return columns(row, masks)
		},
		end: func() {
			ADDQ(U32(size.bytes*outputs), x)
			ADDQ(U32(size.bytes*outputs), masks)
		},
	}
}

// pointStore is where a kernel that transforms the input leaves points.
type pointStore struct {
	count string                             // the parameter that says how many vectors to transform
	step  int                                // bytes from a point of one vector to that of the next
	store func(point reg.VecVirtual, at Mem) // may overwrite the address's index
}

// vectorsOfTiles stores points one after the other.
func vectorsOfTiles(bytes int) pointStore {
	return pointStore{"groups", bytes, func(point reg.VecVirtual, at Mem) { VMOVUPS(point, at) }}
}

// winogradInputBody generates the transform of the input. from loads what the source needs.
func winogradInputBody(name string, size vectorSize, to pointStore, from func() tileSource) {
	left := Load(Param(to.count), GP64())
	v := Load(Param("v"), GP64())
	pointStride := Load(Param("pointStride"), GP64())
	scratch := Load(Param("scratch"), GP64())
	two, four, five := size.fill(bitsOf2), size.fill(bitsOf4), size.fill(bitsOf5)
	tiles := from()

	Label(name + "Group")
	tiles.begin()
	temporary, count := GP64(), GP64()
	MOVQ(scratch, temporary)
	MOVQ(U32(points), count)
	Label(name + "Row")
	inputTransform(size.vector, tiles.row(), two, four, five, func(j int, t reg.VecVirtual) {
		VMOVUPS(t, Mem{Base: temporary, Disp: size.bytes * j})
	})
	ADDQ(U32(size.bytes*points), temporary)
	DECQ(count)
	JNZ(LabelRef(name + "Row"))

	MOVQ(scratch, temporary)
	column := GP64()
	MOVQ(v, column)
	MOVQ(U32(points), count)
	Label(name + "Column")
	var d [points]reg.VecVirtual
	for i := range d {
		d[i] = size.vector()
		VMOVUPS(Mem{Base: temporary, Disp: size.bytes * points * i}, d[i])
	}
	inputTransform(size.vector, d, two, four, five, func(i int, t reg.VecVirtual) {
		out := GP64()
		IMUL3Q(Imm(uint64(points*i)), pointStride, out)
		to.store(t, Mem{Base: column, Index: out, Scale: 1})
	})
	ADDQ(Imm(uint64(size.bytes)), temporary)
	ADDQ(pointStride, column)
	DECQ(count)
	JNZ(LabelRef(name + "Column"))
	tiles.end()
	ADDQ(Imm(uint64(to.step)), v)
	DECQ(left)
	JNZ(LabelRef(name + "Group"))
	VZEROUPPER()
	RET()
}

// winogradOutput generates the transform of the output; with pooling, 2×2 pixels become their largest.
func winogradOutput(name string, pooling bool) {
	function(name, winogradOutputSignature)
	store := storeTiles
	if pooling {
		Doc(name+" is winogradOutput with 2×2 max pooling: 2 rows of 2 pixels a tile go to y.", "")
		store = storePooledTiles
	} else {
		Doc(name+" transforms groups ≥ 1 of 8 neighboring tiles back, adds bias, raises what is below floor to it and",
			"writes 4 rows of 4 pixels a tile to y. Point (i, j) is at m plus (6·i+j)·pointStride; what lies next behind it is",
			"fetched into the cache. scratch has 24 vectors of 8. Distances are in bytes.")
	}
	winogradOutputBody(name, vectorsOf8, pooling, func() tileStore { return store })
}

const winogradOutputSignature = "func(groups int, m *float32, pointStride, next int, bias, floor float32, y *float32, rowStride int, scratch *float32)"

// tileStore writes a row of pixels, or one of pooled pixels, of a group of tiles to memory. load(i) returns the i-th row of
// the tiles' pixels, by their place in the tile, and done adds the bias and applies the bound.
type tileStore func(row reg.Register, load func(i int) [outputs]reg.VecVirtual, done func(v reg.VecVirtual))

// winogradOutputBody generates the transform of the output. prepare loads what the store that it returns needs.
func winogradOutputBody(name string, size vectorSize, pooling bool, prepare func() tileStore) {
	rows, rowsRead := outputs, 1
	if pooling {
		rows, rowsRead = outputs/2, 2
	}
	groups := Load(Param("groups"), GP64())
	m := Load(Param("m"), GP64())
	pointStride := Load(Param("pointStride"), GP64())
	bias, floor := size.bound("bias"), size.bound("floor")
	y := Load(Param("y"), GP64())
	rowStride := Load(Param("rowStride"), GP64())
	next := Load(Param("next"), GP64())
	scratch := Load(Param("scratch"), GP64())
	two, four, eight := size.fill(bitsOf2), size.fill(bitsOf4), size.fill(bitsOf8)
	store := prepare()

	Label(name + "Group")
	temporary, column, count, step := GP64(), GP64(), GP64(), GP64()
	MOVQ(scratch, temporary)
	MOVQ(m, column)
	MOVQ(U32(points), count)
	IMUL3Q(Imm(points), pointStride, step)
	Label(name + "Column")
	var values [points]reg.VecVirtual
	in := GP64()
	MOVQ(column, in)
	for i := range values {
		values[i] = size.vector()
		VMOVUPS(Mem{Base: in}, values[i])
		PREFETCHT0(Mem{Base: in, Index: next, Scale: 1})
		if i < points-1 {
			ADDQ(step, in)
		}
	}
	for i, t := range outputTransform(size.vector, values, two, four, eight) {
		VMOVUPS(t, Mem{Base: temporary, Disp: size.bytes * points * i})
	}
	ADDQ(Imm(uint64(size.bytes)), temporary)
	ADDQ(pointStride, column)
	DECQ(count)
	JNZ(LabelRef(name + "Column"))

	MOVQ(scratch, temporary)
	row := GP64()
	MOVQ(y, row)
	MOVQ(U32(uint32(rows)), count)
	Label(name + "Row")
	store(row, func(at int) [outputs]reg.VecVirtual {
		for j := range values {
			values[j] = size.vector()
			VMOVUPS(Mem{Base: temporary, Disp: size.bytes * (points*at + j)}, values[j])
		}
		return outputTransform(size.vector, values, two, four, eight)
	}, func(v reg.VecVirtual) { finish(v, bias, floor) })
	ADDQ(U32(uint32(size.bytes*points*rowsRead)), temporary)
	ADDQ(rowStride, row)
	DECQ(count)
	JNZ(LabelRef(name + "Row"))
	ADDQ(Imm(uint64(size.bytes)), m)
	ADDQ(U32(uint32(size.bytes*rows)), y)
	DECQ(groups)
	JNZ(LabelRef(name + "Group"))
	VZEROUPPER()
	RET()
}

// storePooledTiles writes the largest of 2×2 pixels of 8 tiles.
func storePooledTiles(row reg.Register, load func(i int) [outputs]reg.VecVirtual, done func(v reg.VecVirtual)) {
	// A tile's upper or lower two rows become one: the row's columns first, to need fewer registers.
	t := load(0)
	pairs := [2]reg.VecVirtual{t[0], t[2]}
	VMAXPS(t[1], t[0], t[0])
	VMAXPS(t[3], t[2], t[2])
	t = load(1)
	for j := range pairs {
		VMAXPS(t[2*j], pairs[j], pairs[j])
		VMAXPS(t[2*j+1], pairs[j], pairs[j])
		done(pairs[j])
	}
	// Lanes are tiles 0 to 7, two pixels each.
	low, high := YMM(), YMM()
	VUNPCKLPS(pairs[1], pairs[0], low)
	VUNPCKHPS(pairs[1], pairs[0], high)
	VMOVUPS(low.AsX(), Mem{Base: row})
	VMOVUPS(high.AsX(), Mem{Base: row, Disp: 16})
	VEXTRACTF128(Imm(1), low, Mem{Base: row, Disp: 32})
	VEXTRACTF128(Imm(1), high, Mem{Base: row, Disp: 48})
}

// storeTiles writes the pixels of 8 tiles.
func storeTiles(row reg.Register, load func(i int) [outputs]reg.VecVirtual, done func(v reg.VecVirtual)) {
	t := load(0)
	for _, v := range t {
		done(v)
	}
	low01, high01, low23, high23 := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPS(t[1], t[0], low01)
	VUNPCKHPS(t[1], t[0], high01)
	VUNPCKLPS(t[3], t[2], low23)
	VUNPCKHPS(t[3], t[2], high23)
	for i, pair := range [][2]reg.VecVirtual{{low01, low23}, {high01, high23}} {
		first, second := YMM(), YMM()
		VUNPCKLPD(pair[1], pair[0], first)
		VUNPCKHPD(pair[1], pair[0], second)
		for j, v := range []reg.VecVirtual{first, second} {
			at := 16 * (2*i + j)
			VMOVUPS(v.AsX(), Mem{Base: row, Disp: at})
			VEXTRACTF128(Imm(1), v, Mem{Base: row, Disp: at + 64})
		}
	}
}

// finish adds the bias and applies the lower bound; a NaN stays one.
func finish(v, bias, floor reg.VecVirtual) {
	VADDPS(bias, v, v)
	VMAXPS(v, floor, v)
}

// bound fills a vector with a parameter. A scalar load into a register first, which avo's Load writes as one of SSE, would
// take some CPUs hundreds of cycles.
func bound(name string) reg.VecVirtual {
	address, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := YMM()
	VBROADCASTSS(address.Addr, v)
	return v
}
