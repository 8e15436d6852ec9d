// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// strip generates the 3×3 depthwise convolution of a strip of one plane, 8 outputs wide, for stride 1 or 2. It reads the
// plane in place where a row of the strip lies inside it. A row of the input is read once for all the outputs that it adds to.
type strip struct {
	*kernel
	stride                                int
	x, place, rowBytes, planeBytes, zeros general
	y, yStep                              general
	edge, skipped, inside                 general // a row beyond the sides, and the bytes of a row before and inside the plane
	bias, floor, ceiling                  vector
	weights                               []register // 4 to a register
}

// stripElements is the number of elements of a row that a strip reads, by stride.
var stripElements = map[int]int{1: 8 + 2, 2: 2*8 + 2}

// reach returns the bytes of a row that the strip reads.
func (k *strip) reach() int { return stripElements[k.stride] * floatBytes }

func depthwise3x3(stride int) *kernel {
	name := fmt.Sprint("depthwise3x3Stride", stride)
	k := &strip{stride: stride, kernel: newKernel(name,
		"(rows int, x *float32, column, at, rowBytes, planeBytes int, zeros *float32, masks *int32, w *float32, y *float32, yStep int, bias, floor, ceiling float32)",
		name+" computes rows ≥ 1 of 8 neighboring outputs: y = bias + Σ w·x over 3×3 taps, kept between floor and ceiling.",
		"The row of x of the first output's upper taps begins at bytes from x; rows that do not begin within planeBytes are",
		"zeros, which has 18 elements. The first output's left tap is column from the beginning of its row.",
		fmt.Sprintf("Of the 8 elements of a row from each of the elements %v behind that, those are read whose masks are -1; the others, whose",
			map[int][]int{1: {0, 1, 2}, 2: {0, 8, 2, 10}}[stride]),
		"masks are 0, lie before the row's beginning or behind its end. All distances are in bytes.")}
	rows := k.load("rows")
	k.x, k.place, k.rowBytes, k.planeBytes = k.load("x"), k.load("at"), k.load("rowBytes"), k.load("planeBytes")
	k.zeros, k.y, k.yStep = k.load("zeros"), k.load("y"), k.load("yStep")
	k.edge, k.skipped, k.inside = k.local((k.reach()+15)&^15), k.general(), k.general()
	k.bias, k.floor, k.ceiling = fill(k.bound("bias")), fill(k.bound("floor")), fill(k.bound("ceiling"))
	k.scope(func() {
		column := k.load("column")
		k.emit("ADD", column, k.x)
		k.before(column, k.skipped)
		k.begin()
	})
	k.weights = k.registers(3)
	k.scope(func() {
		w := k.load("w")
		k.loadRegister(w, 0, k.weights[0])
		k.loadRegister(w, registerBytes, k.weights[1])
		k.emit("FMOVS", at(w, 2*registerBytes), scalar(k.weights[2]))
	})
	if stride == 1 {
		k.rows(rows)
	} else {
		k.pairs(rows)
	}
	return k.kernel
}

// begin counts the elements of a row inside the plane, and clears the row for those beyond it.
func (k *strip) begin() {
	masks := k.load("masks")
	var inside []register // masks of elements 0 to 7, or 0 to 15, and of the last two
	for element := 0; element < 8*k.stride; element += 4 {
		r := k.registers(1)[0]
		k.loadRegister(masks, floatBytes*element, r)
		inside = append(inside, r)
	}
	last := k.registers(1)[0]
	loads := map[int]int{1: 3, 2: 4}[k.stride] // of a row; the last one ends with the row's last two elements
	k.emit("FMOVD", at(masks, vectorBytes*loads-2*floatBytes), scalar(last))
	k.countInside(append(inside, last), k.inside)
	k.zero(inside[:1])
	for disp := 0; disp < k.frame; disp += registerBytes {
		k.storeRegister(inside[0], k.edge, disp)
	}
}

// rows goes over the input rows, each of which ends one output, is the middle of the next and begins a third.
func (k *strip) rows(rows general) {
	next, last := k.vector(), k.vector() // sums of the output whose lower, or middle and lower, taps are still to come
	begin := func(row [taps]vector) {
		k.copy(k.bias, last)
		k.add(row, 0, last)
	}
	move := func(row [taps]vector) {
		k.copy(last, next)
		k.add(row, 1, next)
		begin(row)
	}
	k.scope(func() { begin(k.read("first")) })
	k.scope(func() { move(k.read("second")) })
	k.loop("output", rows, 1, func() {
		row := k.read("row")
		k.add(row, 2, next)
		k.store(next)
		move(row)
	})
}

// pairs goes over the input rows two at a time: the middle of an output, then the row that ends it and begins the next.
func (k *strip) pairs(rows general) {
	sum := k.vector()
	begin := func(row [taps]vector) {
		k.copy(k.bias, sum)
		k.add(row, 0, sum)
	}
	k.scope(func() { begin(k.read("first")) })
	k.loop("output", rows, 1, func() {
		k.scope(func() { k.add(k.read("middle"), 1, sum) })
		row := k.read("last")
		k.add(row, 2, sum)
		k.store(sum)
		begin(row)
	})
}

// read returns what each of the three taps of a row meets, and goes on to the next row. name makes its labels unique.
func (k *strip) read(name string) [taps]vector {
	row := k.general()
	k.emit("ADD", k.x, k.place, row)
	k.emit("CMP", k.planeBytes, k.place)
	k.emit("CSEL", "HS", k.zeros, row, row)
	k.emit("ADD", k.rowBytes, k.place)
	k.emit("CMP", immediate(k.reach()), k.inside)
	k.emit("BEQ", name+"Whole")
	k.scope(func() {
		from, to, left := k.general(), k.general(), k.general()
		k.emit("ADD", k.skipped, row, from)
		k.emit("ADD", k.skipped, k.edge, to)
		k.emit("MOVD", k.inside, left)
		k.copyFloats(name, from, to, left)
	})
	k.emit("MOVD", k.edge, row)
	k.label(name + "Whole")
	if k.stride == 1 {
		pixels := [taps]vector{k.vector(), k.vector(), k.vector()}
		for t, v := range pixels {
			k.loadUnaligned(row, floatBytes*t, v)
		}
		return pixels
	}
	even, odd := k.loadPairs(row)
	next, last := k.vector(), k.registers(1)[0]
	k.emit("FMOVS", at(row, 0), scalar(last))
	k.emit("VEXT", immediate(floatBytes), bits(even[1]), bits(even[0]), bits(next[0]))
	k.emit("VEXT", immediate(floatBytes), bits(last), bits(even[1]), bits(next[1]))
	return [taps]vector{even, odd, next}
}

// add adds the products of a row with row ky of the weights to sum.
func (k *strip) add(row [taps]vector, ky int, sum vector) {
	for kx, v := range row {
		tap := taps*ky + kx
		k.FMLAElement(factor{k.weights[tap/4], tap % 4}, v, sum)
	}
}

// store applies the bounds to a row of outputs and writes it.
func (k *strip) store(v vector) {
	k.FMAX(k.floor, v, v)
	k.FMIN(k.ceiling, v, v)
	k.storeVector(v, k.y, 0)
	k.emit("ADD", k.yStep, k.y)
}
