// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of package internal/preprocess/kernels, which make the very bits that its portable functions make.

const pictureBytes = 16 // samples of a step

func pictures() {
	inverseDCT()
	inverseDCT4()
	inverseDCT2()
	smoothAcross()
	smoothRows()
	smoothBoth()
	convertYCC()
	weighRows()
	filterRow()
}

// words is a constant of 16 equal words.
func words(v int16) Mem {
	return filled(fmt.Sprintf("words%d", uint16(v)), 16, 2, func(i int) Constant { return I16(v) })
}

// numbers is a constant of 8 equal numbers of 32 bits.
func numbers(v int32) Mem {
	return filled(fmt.Sprintf("numbers%d", uint32(v)), 8, 4, func(i int) Constant { return I32(v) })
}

// filledConstants are those that the file has.
var filledConstants = map[string]Mem{}

// filled is a constant of count elements of so many bytes each.
func filled(name string, count, bytes int, element func(i int) Constant) Mem {
	constant, ok := filledConstants[name]
	if !ok {
		constant = GLOBL(name, attr.RODATA|attr.NOPTR)
		for i := range count {
			DATA(bytes*i, element(i))
		}
		filledConstants[name] = constant
	}
	return constant
}

// both is a constant of the same 16 bytes in each half; a byte of 128 or more lets VPSHUFB write 0.
func both(name string, element func(i int) int) Mem {
	return filled(name, 2*pictureBytes, 1, func(i int) Constant { return U8(uint8(element(i % pictureBytes))) })
}

// The inverse transform: see transform8 of package internal/preprocess/kernels, whose names of constants these are.
const (
	constBits = 13
	pass1Bits = 2

	fix0_298631336 = 2446
	fix0_390180644 = 3196
	fix0_541196100 = 4433
	fix0_765366865 = 6270
	fix0_899976223 = 7373
	fix1_175875602 = 9633
	fix1_501321110 = 12299
	fix1_847759065 = 15137
	fix1_961570560 = 16069
	fix2_053119869 = 16819
	fix2_562915447 = 20995
	fix3_072711026 = 25172
)

func inverseDCT() {
	function("inverseDCT8x8", "func(dst *uint8, stride int, block *int16, quant *int32)")
	Doc("inverseDCT8x8 dequantizes a block and writes its samples to 8 rows of dst that are stride bytes apart.")
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	block, quant := Load(Param("block"), GP64()), Load(Param("quant"), GP64())
	var rows [8]reg.VecVirtual
	for y := range rows {
		rows[y] = dequantized(block, quant, y)
	}
	columns := transposed(transform8(rows, constBits-pass1Bits))
	storeSamples(transform8(columns, constBits+pass1Bits+3), dst, stride)
	VZEROUPPER()
	RET()
}

// like returns a register of v's size.
func like(v reg.VecVirtual) reg.VecVirtual {
	if v.Size() == pictureBytes {
		return XMM()
	}
	return YMM()
}

// times returns x·factor.
func times(factor int32, x reg.VecVirtual) reg.VecVirtual {
	product := like(x)
	VPMULLD(numbers(factor), x, product)
	return product
}

func sum(terms ...reg.VecVirtual) reg.VecVirtual {
	s := like(terms[0])
	VPADDD(terms[1], terms[0], s)
	for _, term := range terms[2:] {
		VPADDD(term, s, s)
	}
	return s
}

func difference(a, b reg.VecVirtual) reg.VecVirtual {
	d := like(a)
	VPSUBD(b, a, d)
	return d
}

// transform8 is the one-dimensional transform of each lane, whose results are rounded and shifted.
func transform8(in [8]reg.VecVirtual, shift uint64) (out [8]reg.VecVirtual) {
	z1 := times(fix0_541196100, sum(in[2], in[6]))
	t2 := difference(z1, times(fix1_847759065, in[6]))
	t3 := sum(z1, times(fix0_765366865, in[2]))
	t0, t1 := sum(in[0], in[4]), difference(in[0], in[4])
	for _, t := range []reg.VecVirtual{t0, t1} {
		VPSLLD(Imm(constBits), t, t)
		VPADDD(numbers(1<<(shift-1)), t, t)
	}
	even := [4]reg.VecVirtual{sum(t0, t3), sum(t1, t2), difference(t1, t2), difference(t0, t3)}

	z1, z2 := times(-fix0_899976223, sum(in[7], in[1])), times(-fix2_562915447, sum(in[5], in[3]))
	z3, z4 := sum(in[7], in[3]), sum(in[5], in[1])
	z5 := times(fix1_175875602, sum(z3, z4))
	z3, z4 = sum(times(-fix1_961570560, z3), z5), sum(times(-fix0_390180644, z4), z5)
	odd := [4]reg.VecVirtual{
		sum(times(fix1_501321110, in[1]), sum(z1, z4)),
		sum(times(fix3_072711026, in[3]), sum(z2, z3)),
		sum(times(fix2_053119869, in[5]), sum(z2, z4)),
		sum(times(fix0_298631336, in[7]), sum(z1, z3)),
	}
	for k := range even {
		out[k], out[7-k] = sum(even[k], odd[k]), difference(even[k], odd[k])
	}
	for _, v := range out {
		VPSRAD(Imm(shift), v, v)
	}
	return out
}

// The reduced transforms: see transform4 and transform2 of package internal/preprocess/kernels.
const (
	fix0_211164243 = 1730
	fix0_509795579 = 4176
	fix0_601344887 = 4926
	fix0_720959822 = 5906
	fix0_850430095 = 6967
	fix1_061594337 = 8697
	fix1_272758580 = 10426
	fix1_451774981 = 11893
	fix2_172734803 = 17799
	fix3_624509785 = 29692
)

// dequantized loads a row of a block.
func dequantized(block, quant reg.Register, y int) reg.VecVirtual {
	row := YMM()
	VPMOVSXWD(Mem{Base: block, Disp: 16 * y}, row)
	VPMULLD(Mem{Base: quant, Disp: 32 * y}, row, row)
	return row
}

func inverseDCT4() {
	function("inverseDCT4x4", "func(dst *uint8, stride int, block *int16, quant *int32)")
	Doc("inverseDCT4x4 dequantizes a block and writes 4 samples to each of 4 rows of dst that are stride bytes apart.")
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	block, quant := Load(Param("block"), GP64()), Load(Param("quant"), GP64())
	var in [8]reg.VecVirtual
	for _, y := range []int{0, 1, 2, 3, 5, 6, 7} {
		in[y] = dequantized(block, quant, y)
	}
	rows := transform4(in, constBits-pass1Bits+1)
	// Columns: each vector has one of the first four, and the one that lies four further on.
	var pairs [4]reg.VecVirtual
	for i := 0; i < 4; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VPUNPCKLDQ(rows[i+1], rows[i], pairs[i])
		VPUNPCKHDQ(rows[i+1], rows[i], pairs[i+1])
	}
	var columns [8]reg.VecVirtual
	for i := range 4 {
		column := YMM()
		if i%2 == 0 {
			VPUNPCKLQDQ(pairs[2+i/2], pairs[i/2], column)
		} else {
			VPUNPCKHQDQ(pairs[2+i/2], pairs[i/2], column)
		}
		columns[i] = XMM()
		VEXTRACTI128(Imm(0), column, columns[i])
		if i > 0 { // the fourth does not count
			columns[4+i] = XMM()
			VEXTRACTI128(Imm(1), column, columns[4+i])
		}
	}
	out := transform4(columns, constBits+pass1Bits+4)
	VPACKSSDW(out[1], out[0], out[0])
	VPACKSSDW(out[3], out[2], out[2])
	VPACKSSWB(out[2], out[0], out[0])
	VPSHUFB(fourByFour(), out[0], out[0])
	VPXOR(signs(), out[0], out[0])
	for y := range 4 {
		VPEXTRD(Imm(uint64(y)), out[0], Mem{Base: dst})
		ADDQ(stride, dst)
	}
	VZEROUPPER()
	RET()
}

// transform4 is the one-dimensional transform of each lane, whose results are rounded and shifted. in[4] does not count.
func transform4(in [8]reg.VecVirtual, shift uint64) [4]reg.VecVirtual {
	inner := difference(sum(times(fix1_451774981, in[5]), times(fix1_061594337, in[1])),
		sum(times(fix0_211164243, in[7]), times(fix2_172734803, in[3])))
	outer := difference(sum(times(fix0_899976223, in[3]), times(fix2_562915447, in[1])),
		sum(times(fix0_509795579, in[7]), times(fix0_601344887, in[5])))
	t2 := difference(times(fix1_847759065, in[2]), times(fix0_765366865, in[6]))
	t0 := like(in[0])
	VPSLLD(Imm(constBits+1), in[0], t0)
	VPADDD(numbers(1<<(shift-1)), t0, t0)
	t10, t12 := sum(t0, t2), difference(t0, t2)
	out := [4]reg.VecVirtual{sum(t10, outer), sum(t12, inner), difference(t12, inner), difference(t10, outer)}
	for _, v := range out {
		VPSRAD(Imm(shift), v, v)
	}
	return out
}

func inverseDCT2() {
	function("inverseDCT2x2", "func(dst *uint8, stride int, block *int16, quant *int32)")
	Doc("inverseDCT2x2 dequantizes a block and writes 2 samples to each of 2 rows of dst that are stride bytes apart.")
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	block, quant := Load(Param("block"), GP64()), Load(Param("quant"), GP64())
	const shift1, shift2 = constBits - pass1Bits + 2, constBits + pass1Bits + 5
	odd := difference(
		sum(times(fix0_850430095, dequantized(block, quant, 5)), times(fix3_624509785, dequantized(block, quant, 1))),
		sum(times(fix0_720959822, dequantized(block, quant, 7)), times(fix1_272758580, dequantized(block, quant, 3))))
	even := dequantized(block, quant, 0)
	VPSLLD(Imm(constBits+2), even, even)
	VPADDD(numbers(1<<(shift1-1)), even, even)
	upper, lower := sum(even, odd), difference(even, odd)
	VPSRAD(Imm(shift1), upper, upper)
	VPSRAD(Imm(shift1), lower, lower)

	// The first column, and the sums of the products of the odd ones.
	firsts, sums, high := YMM(), YMM(), XMM()
	VPUNPCKLDQ(lower, upper, firsts)
	factors := filled("oddFactors", 8, 4, func(i int) Constant {
		return I32([8]int32{0, fix3_624509785, 0, -fix1_272758580, 0, fix0_850430095, 0, -fix0_720959822}[i])
	})
	VPMULLD(factors, upper, upper)
	VPMULLD(factors, lower, lower)
	VPHADDD(lower, upper, sums)
	VEXTRACTI128(Imm(1), sums, high)
	VPADDD(sums.AsX(), high, high)
	VPHADDD(high, high, high)
	first := XMM()
	VPSLLD(Imm(constBits+2), firsts.AsX(), first)
	VPADDD(numbers(1<<(shift2-1)), first, first)
	left, right := sum(first, high), difference(first, high)
	VPUNPCKLDQ(right, left, left)
	VPSRAD(Imm(shift2), left, left)
	VPACKSSDW(left, left, left)
	VPACKSSWB(left, left, left)
	VPXOR(signs(), left, left)
	VPEXTRW(Imm(0), left, Mem{Base: dst})
	VPEXTRW(Imm(1), left, Mem{Base: dst, Index: stride, Scale: 1})
	VZEROUPPER()
	RET()
}

// fourByFour shuffles four columns of four bytes to four rows; signs, by VPXOR, add 128 to each byte.
func fourByFour() Mem { return both("fourByFour", func(i int) int { return i%4*4 + i/4 }) }
func signs() Mem      { return both("signs", func(int) int { return 0x80 }) }

// transposed returns the columns of 8 rows of 8 numbers.
func transposed(rows [8]reg.VecVirtual) (columns [8]reg.VecVirtual) {
	var pairs, quads [8]reg.VecVirtual
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VPUNPCKLDQ(rows[i+1], rows[i], pairs[i])
		VPUNPCKHDQ(rows[i+1], rows[i], pairs[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for k := range 2 {
			quads[i+2*k], quads[i+2*k+1] = YMM(), YMM()
			VPUNPCKLQDQ(pairs[i+2+k], pairs[i+k], quads[i+2*k])
			VPUNPCKHQDQ(pairs[i+2+k], pairs[i+k], quads[i+2*k+1])
		}
	}
	const lowerHalves, upperHalves = 0x20, 0x31
	for i := range 4 {
		columns[i], columns[i+4] = YMM(), YMM()
		VPERM2I128(Imm(lowerHalves), quads[i+4], quads[i], columns[i])
		VPERM2I128(Imm(upperHalves), quads[i+4], quads[i], columns[i+4])
	}
	return columns
}

// storeSamples brings columns to 0..255 and writes them as rows.
func storeSamples(columns [8]reg.VecVirtual, dst, stride reg.Register) {
	for i := 0; i < 8; i += 2 {
		VPACKSSDW(columns[i+1], columns[i], columns[i])
	}
	for i := 0; i < 8; i += 4 {
		VPACKSSWB(columns[i+2], columns[i], columns[i])
		// Each half holds four columns of four rows: now it holds the rows, four bytes each.
		VPSHUFB(fourByFour(), columns[i], columns[i])
		VPXOR(signs(), columns[i], columns[i])
	}
	low, high := YMM(), YMM()
	VPUNPCKLDQ(columns[4], columns[0], low)
	VPUNPCKHDQ(columns[4], columns[0], high)
	for half := range 2 {
		for _, rows := range []reg.VecVirtual{low, high} {
			pair := rows.AsX()
			if half == 1 {
				upper := XMM()
				VEXTRACTI128(Imm(1), rows, upper)
				pair = upper
			}
			VMOVQ(pair, Mem{Base: dst})
			VMOVHPS(pair, Mem{Base: dst, Index: stride, Scale: 1})
			LEAQ(Mem{Base: dst, Index: stride, Scale: 2}, dst)
		}
	}
}

// samples loads 16 samples as words.
func samples(at Mem) reg.VecVirtual {
	v := YMM()
	VPMOVZXBW(at, v)
	return v
}

// add adds a constant or another vector of words to v.
func add(v reg.VecVirtual, others ...Op) {
	for _, other := range others {
		VPADDW(other, v, v)
	}
}

// thrice returns 3·v.
func thrice(v reg.VecVirtual) reg.VecVirtual {
	t := YMM()
	VPADDW(v, v, t)
	VPADDW(v, t, t)
	return t
}

// steps generates a loop over n samples, a multiple of 16 above 0, of which body does 16: index counts them.
func steps(name string, body func(index reg.Register)) {
	n, index := Load(Param("n"), GP64()), GP64()
	XORQ(index, index)
	Label(name)
	body(index)
	ADDQ(Imm(pictureBytes), index)
	CMPQ(index, n)
	JLT(LabelRef(name))
	VZEROUPPER()
	RET()
}

func smoothAcross() {
	function("smoothAcross16", "func(n int, dst, in *uint8)")
	Doc("smoothAcross16 makes 2·n samples of n, a multiple of 16 above 0: each is 3/4 of the nearer sample and 1/4 of the further one.",
		"It reads one sample before in and one beyond its n.")
	dst, in := Load(Param("dst"), GP64()), Load(Param("in"), GP64())
	steps("smoothAcross", func(i reg.Register) {
		at := func(offset int) Mem { return Mem{Base: in, Index: i, Scale: 1, Disp: offset} }
		left, right := samples(at(-1)), samples(at(1))
		near := thrice(samples(at(0)))
		add(left, near, words(1))
		add(right, near, words(2))
		VPSRLW(Imm(2), left, left)
		VPSRLW(Imm(2), right, right)
		interleave16(left, right, Mem{Base: dst, Index: i, Scale: 2})
	})
}

// interleave16 stores 16 samples of each in turns.
func interleave16(even, odd reg.VecVirtual, at Mem) {
	VPSLLW(Imm(8), odd, odd)
	VPOR(odd, even, even)
	VMOVDQU(even, at)
}

func smoothRows() {
	function("smoothRows16", "func(n int, dst, nearest, next *uint8, bias int)")
	Doc("smoothRows16 makes n samples, a multiple of 16 above 0, of the nearest row and the next: (3·nearest + next + bias) / 4.")
	dst, nearest, next := Load(Param("dst"), GP64()), Load(Param("nearest"), GP64()), Load(Param("next"), GP64())
	bias := YMM()
	VMOVQ(Load(Param("bias"), GP64()), bias.AsX())
	VPBROADCASTW(bias.AsX(), bias)
	steps("smoothRows", func(i reg.Register) {
		v := thrice(samples(Mem{Base: nearest, Index: i, Scale: 1}))
		add(v, samples(Mem{Base: next, Index: i, Scale: 1}), bias)
		VPSRLW(Imm(2), v, v)
		upper := XMM()
		VEXTRACTI128(Imm(1), v, upper)
		VPACKUSWB(upper, v.AsX(), upper)
		VMOVDQU(upper, Mem{Base: dst, Index: i, Scale: 1})
	})
}

func smoothBoth() {
	function("smoothBoth16", "func(n int, dst, nearest, next *uint8)")
	Doc("smoothBoth16 makes 2·n samples of n, a multiple of 16 above 0, of two rows: weights of 9, 3, 3 and 1 sixteenth. It reads one",
		"sample before each row and one beyond its n.")
	dst, nearest, next := Load(Param("dst"), GP64()), Load(Param("nearest"), GP64()), Load(Param("next"), GP64())
	steps("smoothBoth", func(i reg.Register) {
		column := func(offset int) reg.VecVirtual {
			v := thrice(samples(Mem{Base: nearest, Index: i, Scale: 1, Disp: offset}))
			add(v, samples(Mem{Base: next, Index: i, Scale: 1, Disp: offset}))
			return v
		}
		left, right := column(-1), column(1)
		this := thrice(column(0))
		add(left, this, words(8))
		add(right, this, words(7))
		VPSRLW(Imm(4), left, left)
		VPSRLW(Imm(4), right, right)
		interleave16(left, right, Mem{Base: dst, Index: i, Scale: 2})
	})
}

func convertYCC() {
	function("convertYCC16", "func(n int, rgb, luma, cb, cr *uint8)")
	Doc("convertYCC16 makes RGB of n pixels, a multiple of 16 above 0. VPMULHRSW by its two factors rounds as the 16 bits of fraction",
		"of JFIF's do for all 256 values.")
	rgb, luma := Load(Param("rgb"), GP64()), Load(Param("luma"), GP64())
	cbs, crs := Load(Param("cb"), GP64()), Load(Param("cr"), GP64())
	steps("convertYCC", func(i reg.Register) {
		y := samples(Mem{Base: luma, Index: i, Scale: 1})
		cb, cr := samples(Mem{Base: cbs, Index: i, Scale: 1}), samples(Mem{Base: crs, Index: i, Scale: 1})
		VPSUBW(words(128), cb, cb)
		VPSUBW(words(128), cr, cr)
		green := greens(y, cb, cr)
		red, blue := YMM(), YMM()
		VPMULHRSW(words(13172), cr, red)
		add(red, cr, y)
		VPMULHRSW(words(-7471), cb, blue)
		add(blue, cb, cb, y)
		VPACKUSWB(green, red, red)
		VPACKUSWB(blue, blue, blue)
		storePixels(red, blue, rgb)
		ADDQ(Imm(3*pictureBytes), rgb)
	})
}

// greens returns y + (-22554·cb - 46802·cr + half) >> 16: the factor of cr is 18734 less 1.
func greens(y, cb, cr reg.VecVirtual) reg.VecVirtual {
	factors := filled("greenFactors", 16, 2, func(i int) Constant { return I16([2]int16{-22554, 18734}[i%2]) })
	low, high := YMM(), YMM()
	VPUNPCKLWD(cr, cb, low)
	VPUNPCKHWD(cr, cb, high)
	for _, v := range []reg.VecVirtual{low, high} {
		VPMADDWD(factors, v, v)
		VPADDD(numbers(1<<15), v, v)
		VPSRAD(Imm(16), v, v)
	}
	VPACKSSDW(high, low, low)
	add(low, y)
	VPSUBW(cr, low, low)
	return low
}

// storePixels stores 16 pixels; each half has 8 reds, then 8 greens, and 8 blues.
func storePixels(redGreen, blue reg.VecVirtual, rgb reg.Register) {
	const none = 0x80
	shuffled := func(part string, first int) reg.VecVirtual {
		rg, b := YMM(), YMM()
		VPSHUFB(both("redGreen"+part, func(i int) int {
			if i += first; i%3 == 2 || i >= 24 {
				return none
			}
			return i%3*8 + i/3
		}), redGreen, rg)
		VPSHUFB(both("blue"+part, func(i int) int {
			if i += first; i%3 != 2 || i >= 24 {
				return none
			}
			return i / 3
		}), blue, b)
		VPOR(rg, b, b)
		return b
	}
	first, second := shuffled("First", 0), shuffled("Second", pictureBytes)
	VMOVDQU(first.AsX(), Mem{Base: rgb})
	VMOVQ(second.AsX(), Mem{Base: rgb, Disp: 16})
	VEXTRACTI128(Imm(1), first, Mem{Base: rgb, Disp: 24})
	upper := XMM()
	VEXTRACTI128(Imm(1), second, upper)
	VMOVQ(upper, Mem{Base: rgb, Disp: 40})
}

const weighedVectors = 4

func weighRows() {
	function("weighRows32", "func(n int, sums *float32, rows *uint8, stride, count int, weights *float32)")
	Doc("weighRows32 adds to each of n sums, a multiple of 32 above 0, its value in count ≥ 1 rows, which are stride bytes apart, times",
		"the row's weight: one row after the other, and rounded in between.")
	n, sums := Load(Param("n"), GP64()), Load(Param("sums"), GP64())
	first, stride := Load(Param("rows"), GP64()), Load(Param("stride"), GP64())
	Label("weighColumns")
	row, weights, count := GP64(), Load(Param("weights"), GP64()), Load(Param("count"), GP64())
	MOVQ(first, row)
	var sum [weighedVectors]reg.VecVirtual
	for v := range sum {
		sum[v] = YMM()
		VMOVUPS(Mem{Base: sums, Disp: vectorBytes * v}, sum[v])
	}
	Label("weighRow")
	weight := YMM()
	VBROADCASTSS(Mem{Base: weights}, weight)
	for v := range sum {
		values := YMM()
		VPMOVZXBD(Mem{Base: row, Disp: 8 * v}, values)
		VCVTDQ2PS(values, values)
		VMULPS(weight, values, values)
		VADDPS(values, sum[v], sum[v])
	}
	ADDQ(stride, row)
	ADDQ(Imm(4), weights)
	DECQ(count)
	JNZ(LabelRef("weighRow"))
	for v := range sum {
		VMOVUPS(sum[v], Mem{Base: sums, Disp: vectorBytes * v})
	}
	ADDQ(U32(vectorBytes*weighedVectors), sums)
	ADDQ(Imm(8*weighedVectors), first)
	SUBQ(Imm(8*weighedVectors), n)
	JNZ(LabelRef("weighColumns"))
	VZEROUPPER()
	RET()
}

// groupPixels is how many pixels a step of a row's filter makes.
const groupPixels = 4

func filterRow() {
	function("filterGroups", "func(groups int, dst *uint8, sums *float32, firsts *int32, taps int, weights *float32)")
	Doc("filterGroups makes groups ≥ 1 of 4 pixels of RGB. Each is made of taps ≥ 1 pixels from sums[firsts[i]] on, one after the other",
		"and rounded in between; weights is [groups][taps][4]. It reads one float32 beyond a pixel of sums.")
	groups, dst, sums := Load(Param("groups"), GP64()), Load(Param("dst"), GP64()), Load(Param("sums"), GP64())
	firsts, weights := Load(Param("firsts"), GP64()), Load(Param("weights"), GP64())
	half, compact := XMM(), XMM()
	VMOVUPS(filled("halves", 4, 4, func(int) Constant { return F32(0.5) }), half)
	VMOVDQU(both("compact", func(i int) int {
		if i >= 3*groupPixels {
			return 0x80
		}
		return i/3*4 + i%3
	}), compact)
	Label("filterGroup")
	taps, offset := Load(Param("taps"), GP64()), GP64()
	XORQ(offset, offset)
	var pixels [groupPixels]reg.GPVirtual
	var sum [groupPixels]reg.VecVirtual
	for i := range pixels {
		pixels[i], sum[i] = GP64(), XMM()
		MOVLQSX(Mem{Base: firsts, Disp: 4 * i}, pixels[i])
		LEAQ(Mem{Base: sums, Index: pixels[i], Scale: 4}, pixels[i])
		VXORPS(sum[i], sum[i], sum[i])
	}
	Label("filterTap")
	for i := range pixels {
		weight := XMM()
		VBROADCASTSS(Mem{Base: weights, Disp: 4 * i}, weight)
		VMULPS(Mem{Base: pixels[i], Index: offset, Scale: 4}, weight, weight)
		VADDPS(weight, sum[i], sum[i])
	}
	ADDQ(Imm(3), offset)
	ADDQ(Imm(4*groupPixels), weights)
	DECQ(taps)
	JNZ(LabelRef("filterTap"))
	for _, s := range sum {
		VADDPS(half, s, s)
		VCVTTPS2DQ(s, s)
	}
	VPACKUSDW(sum[1], sum[0], sum[0])
	VPACKUSDW(sum[3], sum[2], sum[2])
	VPACKUSWB(sum[2], sum[0], sum[0])
	VPSHUFB(compact, sum[0], sum[0])
	VMOVQ(sum[0], Mem{Base: dst})
	VPEXTRD(Imm(2), sum[0], Mem{Base: dst, Disp: 8})
	ADDQ(Imm(3*groupPixels), dst)
	ADDQ(Imm(4*groupPixels), firsts)
	DECQ(groups)
	JNZ(LabelRef("filterGroup"))
	VZEROUPPER()
	RET()
}
