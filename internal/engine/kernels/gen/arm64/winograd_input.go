// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// rowPixels are the pixels of a row that 8 tiles need.
const rowPixels = 8*outputs + 4

// winogradInput generates the transform of the input.
func winogradInput() *kernel {
	k := newKernel("winogradInput",
		"(groups int, x *float32, column, at, rowBytes, planeBytes int, zeros *float32, masks *int32, v *float32, pointStride int, scratch *float32)",
		"winogradInput transforms groups ≥ 1 of 8 neighboring tiles, each of 6×6 pixels, 4 apart from tile to tile, of the plane",
		"x. The tiles' first row begins at bytes from x; rows that do not begin within planeBytes are zeros, which has",
		"36 elements. The first tile's left pixel is column from the beginning of its row; of the 32 pixels a group and 4 more behind",
		"that, those are read whose masks are -1: neighbors, and none left of the row. The other masks are 0. Point (i, j) of the",
		"tiles goes to v at (6·i+j)·pointStride. scratch has 36 vectors of 8 and 36 elements more. All distances are in bytes.")
	p := &planeTiles{
		kernel: k, x: k.load("x"), column: k.load("column"), at: k.load("at"), rowBytes: k.load("rowBytes"),
		planeBytes: k.load("planeBytes"), zeros: k.load("zeros"), masks: k.load("masks"), edge: k.load("scratch"),
		skipped: k.general(), inside: k.general(),
	}
	k.emit("ADD", p.column, p.x)
	k.emit("ADD", immediate(vectorBytes*points*points), p.edge)
	k.inputBody(tileSource{p.begin, p.row, p.end}, "groups", vectorBytes,
		func(v vector, base general) { k.storeVector(v, base, 0) })
	return k
}

// planeTiles takes tiles from a plane, with zeros for what lies beyond it. Where a row of the tiles' pixels reaches beyond
// the plane's sides, what lies inside is copied to edge, between zeros, first: NEON has no masked loads.
type planeTiles struct {
	*kernel
	x, column, at, rowBytes, planeBytes, zeros, masks, edge general
	skipped, inside                                         general // bytes of a row left of the plane, and inside it
}

// begin counts the pixels of these tiles' rows inside the plane.
func (k *planeTiles) begin() {
	k.loadTo("at", k.at)
	k.before(k.column, k.skipped)
	k.scope(func() {
		masks := k.registers(rowPixels / 4)
		for i, r := range masks {
			k.loadRegister(k.masks, registerBytes*i, r)
		}
		k.countInside(masks, k.inside)
		k.emit("CMP", immediate(rowPixels*floatBytes), k.inside)
		k.emit("BEQ", "counted")
		k.zero(masks[:1])
		for i := range masks {
			k.storeRegister(masks[0], k.edge, registerBytes*i)
		}
	})
	k.label("counted")
}

// row returns the six columns of pixels that 8 tiles need, which lie side by side in memory.
func (k *planeTiles) row() [points]vector {
	row, ahead := k.general(), k.general()
	k.emit("ADD", k.x, k.at, row)
	k.emit("ADD", row, k.planeBytes, ahead)
	for line := range 2 { // of the next plane
		k.emit("PRFM", at(ahead, 64*line), "PLDL1KEEP")
	}
	k.emit("CMP", k.planeBytes, k.at)
	k.emit("CSEL", "HS", k.zeros, row, row)
	k.emit("ADD", k.rowBytes, k.at)
	k.emit("CMP", immediate(rowPixels*floatBytes), k.inside)
	k.emit("BEQ", "whole")
	k.copyInside(row)
	k.emit("MOVD", k.edge, row)
	k.label("whole")

	low, high, last := k.registers(outputs), k.registers(outputs), k.registers(2)
	k.loadNext(outputs, row, low)
	k.loadNext(outputs, row, high)
	k.loadRegister(row, 0, last[0])
	k.broadcast(factor{last[0], 1}, last[1:])
	var d [points]vector
	for i := range outputs {
		d[i] = vector{low[i], high[i]}
	}
	for i := range 2 { // a tile's fifth and sixth pixels are the next tile's first two
		d[outputs+i] = k.vector()
		k.emit("VEXT", immediate(floatBytes), bits(high[i]), bits(low[i]), bits(d[outputs+i][0]))
		k.emit("VEXT", immediate(floatBytes), bits(last[i]), bits(high[i]), bits(d[outputs+i][1]))
	}
	return d
}

// copyInside copies the pixels inside the plane to edge.
func (k *planeTiles) copyInside(row general) {
	k.scope(func() {
		from, to, left := k.general(), k.general(), k.general()
		k.emit("ADD", k.skipped, row, from)
		k.emit("ADD", k.skipped, k.edge, to)
		k.emit("MOVD", k.inside, left)
		k.copyFloats("row", from, to, left)
	})
}

// end goes to the next 8 tiles.
func (k *planeTiles) end() {
	for _, pointer := range []general{k.x, k.column, k.masks} {
		k.emit("ADD", immediate(vectorBytes*outputs), pointer)
	}
}
