// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	bitsOfQuarter      = 0x3E800000
	bitsOfMinusSixth   = 0xBE2AAAAB
	bitsOfTwelfth      = 0x3DAAAAAB
	bitsOfTwentyfourth = 0x3D2AAAAB
)

// filterTransform passes the rows of G·d to store, for the three vectors d, which it overwrites.
func filterTransform(d [taps]reg.VecVirtual, two, four, quarter, minusSixth, twentyfourth reg.VecVirtual, store func(i int, t reg.VecVirtual)) {
	store(5, d[2])
	ends, spread, t := YMM(), YMM(), YMM()
	VADDPS(d[2], d[0], ends)
	VMOVAPS(d[0], spread)
	VFMADD231PS(four, d[2], spread)
	VMULPS(quarter, d[0], d[0])
	store(0, d[0])
	// t1, t2 = ((d0 + d2) ± d1) / -6
	VADDPS(d[1], ends, t)
	VMULPS(minusSixth, t, t)
	store(1, t)
	VSUBPS(d[1], ends, ends)
	VMULPS(minusSixth, ends, ends)
	store(2, ends)
	// t3, t4 = ((d0 + 4·d2) ± 2·d1) / 24
	VMOVAPS(spread, t)
	VFMADD231PS(two, d[1], t)
	VMULPS(twentyfourth, t, t)
	store(3, t)
	VFNMADD231PS(two, d[1], spread)
	VMULPS(twentyfourth, spread, spread)
	store(4, spread)
}

// winogradFilters generates the transform of 8 filters at a time.
func winogradFilters() {
	const name = "winogradFilters"
	function(name, "func(vectors int, w *float32, places *int32, tapStep, vectorStep int, u *float32, pointStride int, scratch *float32)")
	Doc(name+" transforms vectors ≥ 1 of 8 filters of 3×3 taps. The first tap of a vector's filters is at w plus the places, in",
		"floats; the next tap is tapStep bytes further, the next vector vectorStep. Point (i, j) goes to (6·i+j)·pointStride bytes",
		"behind u, that of the next vector behind it. scratch has 18 vectors of 8.")
	vectors := Load(Param("vectors"), GP64())
	w := Load(Param("w"), GP64())
	tapStep := Load(Param("tapStep"), GP64())
	vectorStep := Load(Param("vectorStep"), GP64())
	u := Load(Param("u"), GP64())
	pointStride := Load(Param("pointStride"), GP64())
	scratch := Load(Param("scratch"), GP64())
	places := YMM()
	table := Load(Param("places"), GP64())
	VMOVUPS(Mem{Base: table}, places)
	two, four := integers(bitsOf2), integers(bitsOf4)
	quarter, minusSixth, twentyfourth := integers(bitsOfQuarter), integers(bitsOfMinusSixth), integers(bitsOfTwentyfourth)

	Label(name + "Vector")
	tap, temporary, count := GP64(), GP64(), GP64()
	MOVQ(w, tap)
	MOVQ(scratch, temporary)
	MOVQ(U32(taps), count)
	Label(name + "Row")
	var d [taps]reg.VecVirtual
	for i := range d {
		mask := YMM()
		d[i] = YMM()
		VPCMPEQD(mask, mask, mask)
		VGATHERDPS(mask, Mem{Base: tap, Index: places, Scale: 4}, d[i])
		ADDQ(tapStep, tap)
	}
	filterTransform(d, two, four, quarter, minusSixth, twentyfourth, func(j int, t reg.VecVirtual) {
		VMOVUPS(t, Mem{Base: temporary, Disp: vectorBytes * j})
	})
	ADDQ(U32(vectorBytes*points), temporary)
	DECQ(count)
	JNZ(LabelRef(name + "Row"))

	MOVQ(scratch, temporary)
	column := GP64()
	MOVQ(u, column)
	MOVQ(U32(points), count)
	Label(name + "Column")
	for i := range d {
		d[i] = YMM()
		VMOVUPS(Mem{Base: temporary, Disp: vectorBytes * points * i}, d[i])
	}
	filterTransform(d, two, four, quarter, minusSixth, twentyfourth, func(i int, t reg.VecVirtual) {
		out := GP64()
		IMUL3Q(Imm(uint64(points*i)), pointStride, out)
		VMOVUPS(t, Mem{Base: column, Index: out, Scale: 1})
	})
	ADDQ(Imm(vectorBytes), temporary)
	ADDQ(pointStride, column)
	DECQ(count)
	JNZ(LabelRef(name + "Column"))
	ADDQ(vectorStep, w)
	ADDQ(Imm(vectorBytes), u)
	DECQ(vectors)
	JNZ(LabelRef(name + "Vector"))
	VZEROUPPER()
	RET()
}

// filterGradient returns Gᵀ·m for the six vectors m, which it overwrites.
func filterGradient(m [points]reg.VecVirtual, quarter, minusSixth, twelfth, twentyfourth reg.VecVirtual) [taps]reg.VecVirtual {
	sum12, sum34 := YMM(), YMM()
	VADDPS(m[2], m[1], sum12)
	VSUBPS(m[2], m[1], m[1])
	VADDPS(m[4], m[3], sum34)
	VSUBPS(m[4], m[3], m[3])
	// m0/4 - (m1 + m2)/6 + (m3 + m4)/24
	VMULPS(quarter, m[0], m[0])
	VFMADD231PS(minusSixth, sum12, m[0])
	VFMADD231PS(twentyfourth, sum34, m[0])
	// (m3 - m4)/12 - (m1 - m2)/6
	VMULPS(twelfth, m[3], m[3])
	VFMADD231PS(minusSixth, m[1], m[3])
	// (m3 + m4 - m1 - m2)/6 + m5
	VSUBPS(sum12, sum34, sum34)
	VFNMADD231PS(minusSixth, sum34, m[5])
	return [taps]reg.VecVirtual{m[0], m[3], m[5]}
}

// winogradFilterGradients generates the transform back of 8 filters' gradients at a time.
func winogradFilterGradients() {
	const name = "winogradFilterGradients"
	function(name, "func(vectors int, m *float32, vectorStep, pointStride int, dw *float32, scratch *float32)")
	Doc(name+" transforms the sums of vectors ≥ 1 of 8 filters back. Point (i, j) of the first is (6·i+j)·pointStride bytes behind",
		"m, that of the next vectorStep further. dw is [vectors][3][3][8]. scratch has 18 vectors of 8.")
	vectors := Load(Param("vectors"), GP64())
	m := Load(Param("m"), GP64())
	vectorStep := Load(Param("vectorStep"), GP64())
	pointStride := Load(Param("pointStride"), GP64())
	dw := Load(Param("dw"), GP64())
	scratch := Load(Param("scratch"), GP64())
	quarter, minusSixth := integers(bitsOfQuarter), integers(bitsOfMinusSixth)
	twelfth, twentyfourth := integers(bitsOfTwelfth), integers(bitsOfTwentyfourth)

	Label(name + "Vector")
	column, temporary, count, step := GP64(), GP64(), GP64(), GP64()
	MOVQ(m, column)
	MOVQ(scratch, temporary)
	MOVQ(U32(points), count)
	IMUL3Q(Imm(points), pointStride, step)
	Label(name + "Column")
	var values [points]reg.VecVirtual
	in := GP64()
	MOVQ(column, in)
	for i := range values {
		values[i] = YMM()
		VMOVUPS(Mem{Base: in}, values[i])
		if i < points-1 {
			ADDQ(step, in)
		}
	}
	for i, t := range filterGradient(values, quarter, minusSixth, twelfth, twentyfourth) {
		VMOVUPS(t, Mem{Base: temporary, Disp: vectorBytes * points * i})
	}
	ADDQ(Imm(vectorBytes), temporary)
	ADDQ(pointStride, column)
	DECQ(count)
	JNZ(LabelRef(name + "Column"))

	for i := range taps {
		for j := range values {
			values[j] = YMM()
			VMOVUPS(Mem{Base: scratch, Disp: vectorBytes * (points*i + j)}, values[j])
		}
		for j, t := range filterGradient(values, quarter, minusSixth, twelfth, twentyfourth) {
			VMOVUPS(t, Mem{Base: dw, Disp: vectorBytes * (taps*i + j)})
		}
	}
	ADDQ(vectorStep, m)
	ADDQ(U32(vectorBytes*taps*taps), dw)
	DECQ(vectors)
	JNZ(LabelRef(name + "Vector"))
	VZEROUPPER()
	RET()
}
