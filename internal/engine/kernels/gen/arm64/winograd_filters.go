// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// filterFactors are the factors of the transform of the weights, in two registers.
type filterFactors struct{ two, four, quarter, minusSixth, twentyfourth factor }

// filterTransform passes the rows of G·d to store, in their order, for the three vectors d.
func (k *kernel) filterTransform(d [taps]vector, f filterFactors, store func(i int, t vector)) {
	ends, spread, t := k.vector(), k.vector(), k.vector()
	k.FMULElement(f.quarter, d[0], t)
	store(0, t)
	// t1, t2 = ((d0 + d2) ± d1) / -6
	k.FADD(d[2], d[0], ends)
	k.FADD(d[1], ends, t)
	k.FMULElement(f.minusSixth, t, t)
	store(1, t)
	k.FSUB(d[1], ends, ends)
	k.FMULElement(f.minusSixth, ends, ends)
	store(2, ends)
	// t3, t4 = ((d0 + 4·d2) ± 2·d1) / 24
	k.copy(d[0], spread)
	k.FMLAElement(f.four, d[2], spread)
	k.copy(spread, t)
	k.FMLAElement(f.two, d[1], t)
	k.FMULElement(f.twentyfourth, t, t)
	store(3, t)
	k.FMLSElement(f.two, d[1], spread)
	k.FMULElement(f.twentyfourth, spread, spread)
	store(4, spread)
	store(5, d[2])
}

// winogradFilters generates the transform of 8 filters at a time.
func winogradFilters() *kernel {
	k := newKernel("winogradFilters",
		"(vectors int, w *float32, places *int32, tapStep, vectorStep int, u *float32, pointStride int, scratch *float32)",
		"winogradFilters transforms vectors ≥ 1 of 8 filters of 3×3 taps. The first tap of a vector's filters is at w plus the places,",
		"in floats; the next tap is tapStep bytes further, the next vector vectorStep. Point (i, j) goes to (6·i+j)·pointStride",
		"bytes behind u, that of the next vector behind it. scratch has 18 vectors of 8.")
	vectors, w, tapStep, vectorStep := k.load("vectors"), k.load("w"), k.load("tapStep"), k.load("vectorStep")
	u, pointStride, scratch := k.load("u"), k.load("pointStride"), k.load("scratch")
	numbers, twentyfourth := k.numbers(2, 4, 1.0/4, -1.0/6), k.numbers(1.0/24)
	factors := filterFactors{
		factor{numbers, 0}, factor{numbers, 1}, factor{numbers, 2}, factor{numbers, 3}, factor{twentyfourth, 0},
	}
	temporary, column, pointRow, count := k.general(), k.general(), k.general(), k.general()
	k.multiply(points, pointStride, pointRow)
	var filters [8]general
	for i := range filters {
		filters[i] = k.general()
	}
	k.loop("vector", vectors, 1, func() {
		k.scope(func() {
			places := k.load("places")
			for i, filter := range filters {
				k.emit("MOVW", at(places, floatBytes*i), filter)
				k.emit("ADD", fmt.Sprint(filter, "<<2"), w, filter)
			}
		})
		k.emit("MOVD", scratch, temporary)
		k.emit("MOVD", immediate(taps), count)
		k.loop("row", count, 1, func() {
			var d [taps]vector
			for i := range d {
				d[i] = k.vector()
				for lane, filter := range filters {
					k.emit("VLD1", at(filter, 0), element(d[i][lane/4], lane%4))
					k.emit("ADD", tapStep, filter)
				}
			}
			k.filterTransform(d, factors, func(j int, t vector) { k.storeVector(t, temporary, vectorBytes*j) })
			k.emit("ADD", immediate(vectorBytes*points), temporary)
		})
		k.emit("MOVD", scratch, temporary)
		k.emit("MOVD", u, column)
		k.emit("MOVD", immediate(points), count)
		k.loop("column", count, 1, func() {
			var d [taps]vector
			k.loadColumn(temporary, d[:])
			k.filterTransform(d, factors, k.storeColumn(column, pointRow, func(v vector, base general) { k.storeVector(v, base, 0) }))
			k.emit("ADD", immediate(vectorBytes), temporary)
			k.emit("ADD", pointStride, column)
		})
		k.emit("ADD", vectorStep, w)
		k.emit("ADD", immediate(vectorBytes), u)
	})
	return k
}

// gradientFactors are the factors of the transform of the weights' gradient, in a register.
type gradientFactors struct{ quarter, sixth, twelfth, twentyfourth factor }

// filterGradient returns Gᵀ·m for the six vectors m, which it overwrites.
func (k *kernel) filterGradient(m [points]vector, f gradientFactors) [taps]vector {
	sum12, sum34 := k.vector(), k.vector()
	k.FADD(m[2], m[1], sum12)
	k.FSUB(m[2], m[1], m[1])
	k.FADD(m[4], m[3], sum34)
	k.FSUB(m[4], m[3], m[3])
	// m0/4 - (m1 + m2)/6 + (m3 + m4)/24
	k.FMULElement(f.quarter, m[0], m[0])
	k.FMLSElement(f.sixth, sum12, m[0])
	k.FMLAElement(f.twentyfourth, sum34, m[0])
	// (m3 - m4)/12 - (m1 - m2)/6
	k.FMULElement(f.twelfth, m[3], m[3])
	k.FMLSElement(f.sixth, m[1], m[3])
	// (m3 + m4 - m1 - m2)/6 + m5
	k.FSUB(sum12, sum34, sum34)
	k.FMLAElement(f.sixth, sum34, m[5])
	return [taps]vector{m[0], m[3], m[5]}
}

// winogradFilterGradients generates the transform back of 8 filters' gradients at a time.
func winogradFilterGradients() *kernel {
	k := newKernel("winogradFilterGradients",
		"(vectors int, m *float32, vectorStep, pointStride int, dw *float32, scratch *float32)",
		"winogradFilterGradients transforms the sums of vectors ≥ 1 of 8 filters back. Point (i, j) of the first is (6·i+j)·pointStride",
		"bytes behind m, that of the next vectorStep further. dw is [vectors][3][3][8]. scratch has 18 vectors of 8.")
	vectors, m, vectorStep, pointStride := k.load("vectors"), k.load("m"), k.load("vectorStep"), k.load("pointStride")
	dw, scratch := k.load("dw"), k.load("scratch")
	numbers := k.numbers(1.0/4, 1.0/6, 1.0/12, 1.0/24)
	factors := gradientFactors{factor{numbers, 0}, factor{numbers, 1}, factor{numbers, 2}, factor{numbers, 3}}
	column, place, temporary, count, pointRow := k.general(), k.general(), k.general(), k.general(), k.general()
	k.multiply(points, pointStride, pointRow)
	k.loop("vector", vectors, 1, func() {
		k.emit("MOVD", m, column)
		k.emit("MOVD", scratch, temporary)
		k.emit("MOVD", immediate(points), count)
		k.loop("column", count, 1, func() {
			var d [points]vector
			k.emit("MOVD", column, place)
			for i := range d {
				d[i] = k.vector()
				k.loadVector(place, 0, d[i])
				if i < points-1 {
					k.emit("ADD", pointRow, place)
				}
			}
			for i, t := range k.filterGradient(d, factors) {
				k.storeVector(t, temporary, vectorBytes*points*i)
			}
			k.emit("ADD", immediate(vectorBytes), temporary)
			k.emit("ADD", pointStride, column)
		})
		for i := range taps {
			k.scope(func() {
				var d [points]vector
				for j := range d {
					d[j] = k.vector()
					k.loadVector(scratch, vectorBytes*(points*i+j), d[j])
				}
				for _, t := range k.filterGradient(d, factors) {
					k.storeNext(1, t, dw)
				}
			})
		}
		k.emit("ADD", vectorStep, m)
	})
	return k
}
