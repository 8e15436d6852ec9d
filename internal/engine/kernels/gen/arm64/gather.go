// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// NEON has no masked loads. But the elements of a row that lie inside a plane are neighbors, so it takes their number and
// how many are skipped to the left of them.

// before sets skipped to the bytes of a row that begins column bytes from a plane's side, and lie before it.
func (k *kernel) before(column, skipped general) {
	k.emit("NEG", column, skipped)
	k.emit("CMP", immediate(0), skipped)
	k.emit("CSEL", "GT", skipped, "ZR", skipped)
}

// countInside sets inside to the bytes of the floats whose masks are -1, not 0, and changes the masks.
func (k *kernel) countInside(masks []register, inside general) {
	for _, r := range masks[1:] {
		k.VADD(vector{r}, masks[:1], masks[:1])
	}
	k.emit("VADDV", floats(masks[0]), whole(masks[0]))
	k.emit("FMOVS", scalar(masks[0]), inside)
	k.emit("NEGW", inside, inside)
	k.emit("LSL", immediate(2), inside)
}

// copyFloats copies left bytes of floats, which may be none, and changes its arguments. name makes its labels unique.
func (k *kernel) copyFloats(name string, from, to, left general) {
	k.scope(func() {
		v, float := k.vector(), k.general()
		k.emit("CMP", immediate(vectorBytes), left)
		k.emit("BLT", name+"Few")
		k.label(name + "Copy")
		k.loadNext(1, from, v)
		k.storeNext(1, v, to)
		k.emit("SUB", immediate(vectorBytes), left)
		k.emit("CMP", immediate(vectorBytes), left)
		k.emit("BGE", name+"Copy")
		k.emit("CBZ", left, name+"Copied")
		k.emit("ADD", left, from) // the last copy overlaps the one before
		k.emit("ADD", left, to)
		k.loadVector(from, -vectorBytes, v)
		k.storeVector(v, to, -vectorBytes)
		k.emit("B", name+"Copied")
		k.label(name + "Few")
		k.emit("CBZ", left, name+"Copied")
		k.emit("MOVWU.P", at(from, floatBytes), float)
		k.emit("MOVW.P", float, at(to, floatBytes))
		k.emit("SUB", immediate(floatBytes), left)
		k.emit("B", name+"Few")
		k.label(name + "Copied")
	})
}

// gather generates the copy of what one tap of a convolution meets, for stride 1 or 2 along the rows.
func gather(stride int) *kernel {
	name := fmt.Sprint("gatherStride", stride)
	k := newKernel(name,
		"(channels, rows, vectors int, x *float32, channelStep, column, at, advance, planeBytes int, zeros *float32, masks *int32, y *float32, rowStep, yStep int)",
		name+" copies, from each of channels ≥ 1 planes, rows ≥ 1 of vectors ≥ 1 of 8 elements, "+map[int]string{1: "neighbors", 2: "every second one"}[stride]+" in x.",
		"A plane's first row begins at bytes from x, the next is advance further on; rows that do not begin within planeBytes are",
		"zeros, which is as long as a row of vectors reaches. A row's first element is column from its beginning. Elements whose",
		fmt.Sprintf("masks, %d·8 a vector, are 0, not -1, are taken for zero and not read; they are those before the row's beginning and", stride),
		"behind its end. All distances are in bytes.")
	channels, x, y := k.load("channels"), k.load("x"), k.load("y")
	advance, planeBytes, rowStep := k.load("advance"), k.load("planeBytes"), k.load("rowStep")
	place, rows, out, from, outside := k.general(), k.general(), k.general(), k.general(), k.general()
	var copyRow func(from, out general)
	if stride == 1 {
		copyRow = k.neighbors()
	} else {
		copyRow = k.everySecond
	}
	k.loop("channel", channels, 1, func() {
		k.loadTo("at", place)
		k.loadTo("rows", rows)
		k.emit("MOVD", y, out)
		k.loop("row", rows, 1, func() {
			k.loadTo("column", from)
			k.emit("ADD", x, from)
			k.emit("ADD", place, from)
			k.loadTo("zeros", outside)
			k.emit("CMP", planeBytes, place)
			k.emit("CSEL", "HS", outside, from, from)
			copyRow(from, out)
			k.emit("ADD", advance, place)
			k.emit("ADD", rowStep, out)
		})
		k.loadTo("channelStep", from)
		k.emit("ADD", from, x)
		k.loadTo("yStep", from)
		k.emit("ADD", from, y)
	})
	return k
}

// neighbors returns the copy of a row of neighbors. It counts those inside the plane first, once for all rows.
func (k *kernel) neighbors() func(from, out general) {
	skipped, inside, length := k.general(), k.general(), k.general()
	k.scope(func() {
		k.before(k.load("column"), skipped)
		vectors, masks, sum := k.load("vectors"), k.load("masks"), k.vector()
		k.emit("LSL", immediate(5), vectors, length)
		k.zero(sum)
		k.loop("mask", vectors, 1, func() {
			v := k.vector()
			k.loadNext(1, masks, v)
			k.VADD(v, sum, sum)
		})
		k.countInside(sum, inside)
	})
	return func(from, out general) {
		to, left := k.general(), k.general()
		k.emit("MOVD", out, to)
		k.emit("MOVD", inside, left)
		k.emit("CMP", length, inside)
		k.emit("BEQ", "whole")
		k.scope(func() {
			zero := k.vector()
			k.zero(zero)
			k.emit("MOVD", length, left)
			k.label("clear")
			k.storeNext(1, zero, to)
			k.emit("SUBS", immediate(vectorBytes), left)
			k.emit("BNE", "clear")
		})
		k.emit("ADD", skipped, out, to)
		k.emit("ADD", skipped, from)
		k.emit("MOVD", inside, left)
		k.label("whole")
		k.copyFloats("row", from, to, left)
	}
}

// everySecond copies every second element of a row, 8 at a time where all lie inside the plane, else one by one.
func (k *kernel) everySecond(from, out general) {
	to, masks, vectors, inside := k.general(), k.load("masks"), k.load("vectors"), k.general()
	k.emit("MOVD", out, to)
	k.loop("vector", vectors, 1, func() {
		k.scope(func() {
			both := k.registers(4)
			k.loadNext(1, masks, both)
			k.countInside(both, inside)
		})
		k.emit("CMP", immediate(2*vectorBytes), inside)
		k.emit("BNE", "side")
		k.scope(func() {
			even, _ := k.loadPairs(from)
			k.storeVector(even, to, 0)
		})
		k.emit("ADD", immediate(vectorBytes), to)
		k.emit("B", "next")
		k.label("side")
		mask, float, count := k.general(), k.general(), k.general()
		k.emit("SUB", immediate(2*vectorBytes), masks, mask)
		k.emit("MOVD", immediate(8), count)
		k.loop("element", count, 1, func() {
			k.emit("MOVWU.P", at(mask, 2*floatBytes), float)
			k.emit("CBZ", float, "store")
			k.emit("MOVWU", at(from, 0), float)
			k.label("store")
			k.emit("MOVW.P", float, at(to, floatBytes))
			k.emit("ADD", immediate(2*floatBytes), from)
		})
		k.label("next")
	})
}
