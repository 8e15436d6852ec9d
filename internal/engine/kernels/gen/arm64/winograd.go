// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "math"

// The kernels of Winograd's F(4×4, 3×3) work on 8 neighboring tiles of 4×4 pixels at a time, a tile to a lane.
const (
	points  = 6 // of a transformed tile, per side
	outputs = 4 // pixels of a tile, per side
	taps    = 3 // of the kernel, per side
)

// tileFactors are the factors of the transforms of tiles, in a register.
type tileFactors struct{ two, four, five, eight factor }

func (k *kernel) tileFactors() tileFactors {
	r := k.numbers(2, 4, 5, 8)
	return tileFactors{factor{r, 0}, factor{r, 1}, factor{r, 2}, factor{r, 3}}
}

// numbers takes a register and fills it with up to 4 numbers.
func (k *kernel) numbers(values ...float32) register {
	var lanes [4]uint32
	for i, v := range values {
		lanes[i] = math.Float32bits(v)
	}
	return k.constants(lanes)
}

// inputTransform passes the rows of Bᵀd to store, in their order, for the six vectors d, the last of which it changes.
func (k *kernel) inputTransform(d [points]vector, f tileFactors, store func(i int, t vector)) {
	even, odd, t := k.vector(), k.vector(), k.vector()
	// t0 = 4·d0 - 5·d2 + d4
	k.copy(d[4], t)
	k.FMLAElement(f.four, d[0], t)
	k.FMLSElement(f.five, d[2], t)
	store(0, t)
	// t1, t2 = (d4 - 4·d2) ± (d3 - 4·d1)
	k.copy(d[4], even)
	k.FMLSElement(f.four, d[2], even)
	k.copy(d[3], odd)
	k.FMLSElement(f.four, d[1], odd)
	k.FADD(odd, even, t)
	store(1, t)
	k.FSUB(odd, even, even)
	store(2, even)
	// t3, t4 = (d4 - d2) ± 2·(d3 - d1)
	k.FSUB(d[2], d[4], even)
	k.FSUB(d[1], d[3], odd)
	k.copy(even, t)
	k.FMLAElement(f.two, odd, t)
	store(3, t)
	k.FMLSElement(f.two, odd, even)
	store(4, even)
	// t5 = 4·d1 - 5·d3 + d5
	k.FMLAElement(f.four, d[1], d[5])
	k.FMLSElement(f.five, d[3], d[5])
	store(5, d[5])
}

// outputTransform returns Aᵀm for the six vectors m, which it overwrites.
func (k *kernel) outputTransform(m [points]vector, f tileFactors) [outputs]vector {
	sum34, difference34 := k.vector(), k.vector()
	k.FADD(m[4], m[3], sum34)
	k.FSUB(m[4], m[3], difference34)
	sum12, difference12 := m[3], m[4]
	k.FADD(m[2], m[1], sum12)
	k.FSUB(m[2], m[1], difference12)
	k.FADD(sum12, m[0], m[0])
	k.FADD(sum34, m[0], m[0])
	k.FADD(difference12, m[5], m[5])
	k.FMLAElement(f.eight, difference34, m[5])
	k.FMLAElement(f.two, difference34, difference12)
	k.FMLAElement(f.four, sum34, sum12)
	return [outputs]vector{m[0], difference12, sum12, m[5]}
}

// loadColumn loads vectors that are a row of the scratch memory apart.
func (k *kernel) loadColumn(scratch general, d []vector) {
	for i := range d {
		d[i] = k.vector()
		k.loadVector(scratch, vectorBytes*points*i, d[i])
	}
}

// storeColumn returns a function that stores the points of a column, called for one after the other.
func (k *kernel) storeColumn(column, step general, store func(v vector, base general)) func(i int, t vector) {
	place := k.general()
	k.emit("MOVD", column, place)
	return func(i int, t vector) {
		if i > 0 {
			k.emit("ADD", step, place)
		}
		store(t, place)
	}
}

// tileSource is where a kernel that transforms the input takes vectors of tiles from.
type tileSource struct {
	begin func()                // goes to the first row of a vector of tiles
	row   func() [points]vector // returns the next row of pixels, by their place in the tile
	end   func()                // goes to the next vector of tiles
}

// inputBody generates the transform of the input: count is the parameter that says of how many vectors of tiles, step the
// bytes from a point of one to that of the next, and store stores a point.
func (k *kernel) inputBody(tiles tileSource, count string, step int, store func(v vector, base general)) {
	left, v, pointStride, scratch := k.load(count), k.load("v"), k.load("pointStride"), k.load("scratch")
	factors := k.tileFactors()
	pointRow, temporary, column, rows := k.general(), k.general(), k.general(), k.general()
	k.multiply(points, pointStride, pointRow)
	k.loop("group", left, 1, func() {
		tiles.begin()
		k.emit("MOVD", scratch, temporary)
		k.emit("MOVD", immediate(points), rows)
		k.loop("row", rows, 1, func() {
			k.inputTransform(tiles.row(), factors, func(j int, t vector) { k.storeVector(t, temporary, vectorBytes*j) })
			k.emit("ADD", immediate(vectorBytes*points), temporary)
		})
		k.emit("MOVD", scratch, temporary)
		k.emit("MOVD", v, column)
		k.emit("MOVD", immediate(points), rows)
		k.loop("column", rows, 1, func() {
			var d [points]vector
			k.loadColumn(temporary, d[:])
			k.inputTransform(d, factors, k.storeColumn(column, pointRow, store))
			k.emit("ADD", immediate(vectorBytes), temporary)
			k.emit("ADD", pointStride, column)
		})
		tiles.end()
		k.emit("ADD", immediate(step), v)
	})
}

// winogradOutput generates the transform of the output; with pooling, 2×2 pixels become their largest.
func winogradOutput(name string, pooling bool) *kernel {
	const signature = "(groups int, m *float32, pointStride, next int, bias, floor float32, y *float32, rowStride int, scratch *float32)"
	var k *kernel
	rows, rowsRead := outputs, 1
	if pooling {
		rows, rowsRead = outputs/2, 2
		k = newKernel(name, signature,
			name+" is winogradOutput with 2×2 max pooling: 2 rows of 2 pixels a tile.")
	} else {
		k = newKernel(name, signature,
			name+" transforms groups ≥ 1 of 8 neighboring tiles back, adds bias, raises what is below floor to it and",
			"writes 4 rows of 4 pixels a tile to y. Point (i, j) is at m plus (6·i+j)·pointStride; what lies next behind it is",
			"fetched into the cache. scratch has 24 vectors of 8. Distances are in bytes.")
	}
	groups, m, pointStride, next := k.load("groups"), k.load("m"), k.load("pointStride"), k.load("next")
	y, rowStride, scratch := k.load("y"), k.load("rowStride"), k.load("scratch")
	bias, floor := k.bound("bias"), k.bound("floor")
	factors := k.tileFactors()
	pointRow, temporary, column, count := k.general(), k.general(), k.general(), k.general()
	k.multiply(points, pointStride, pointRow)
	finish := func(v, d vector) {
		k.FADD(fill(bias), v, d)
		k.FMAX(fill(floor), d, d)
	}
	k.loop("group", groups, 1, func() {
		k.emit("MOVD", scratch, temporary)
		k.emit("MOVD", m, column)
		k.emit("MOVD", immediate(points), count)
		k.loop("column", count, 1, func() {
			k.outputColumn(column, pointRow, next, temporary, factors)
			k.emit("ADD", immediate(vectorBytes), temporary)
			k.emit("ADD", pointStride, column)
		})
		k.emit("MOVD", scratch, temporary)
		k.emit("MOVD", y, column)
		k.emit("MOVD", immediate(rows), count)
		k.loop("row", count, 1, func() {
			if pooling {
				k.storePooledTiles(temporary, column, factors, finish)
			} else {
				k.storeTiles(temporary, column, factors, finish)
			}
			k.emit("ADD", immediate(vectorBytes*points*rowsRead), temporary)
			k.emit("ADD", rowStride, column)
		})
		k.emit("ADD", immediate(vectorBytes), m)
		k.emit("ADD", immediate(vectorBytes*rows), y)
	})
	return k
}

// outputColumn transforms a column of points to the scratch memory at temporary.
func (k *kernel) outputColumn(column, pointRow, next, temporary general, factors tileFactors) {
	var d [points]vector
	place, ahead := k.general(), k.general()
	k.emit("MOVD", column, place)
	for i := range d {
		d[i] = k.vector()
		k.loadVector(place, 0, d[i])
		k.emit("ADD", next, place, ahead)
		k.emit("PRFM", at(ahead, 0), "PLDL1KEEP")
		if i < points-1 {
			k.emit("ADD", pointRow, place)
		}
	}
	for i, t := range k.outputTransform(d, factors) {
		k.storeVector(t, temporary, vectorBytes*points*i)
	}
}

// outputRow returns a row of the tiles' pixels, by their place in the tile.
func (k *kernel) outputRow(temporary general, row int, factors tileFactors) [outputs]vector {
	var d [points]vector
	for j := range d {
		d[j] = k.vector()
		k.loadVector(temporary, vectorBytes*(points*row+j), d[j])
	}
	return k.outputTransform(d, factors)
}

// storeTiles writes a row of pixels of 8 tiles.
func (k *kernel) storeTiles(temporary, row general, factors tileFactors, finish func(v, d vector)) {
	low, high := k.registers(outputs), k.registers(outputs)
	for j, v := range k.outputRow(temporary, 0, factors) {
		finish(v, vector{low[j], high[j]})
	}
	k.storeTwice(low, high, row)
}

// storePooledTiles writes a row of the largest of 2×2 pixels of 8 tiles.
func (k *kernel) storePooledTiles(temporary, row general, factors tileFactors, finish func(v, d vector)) {
	low, high := k.registers(outputs/2), k.registers(outputs/2)
	for i := range 2 {
		k.scope(func() {
			t := k.outputRow(temporary, i, factors)
			for j := range low {
				largest := vector{low[j], high[j]}
				if i == 0 {
					k.FMAX(t[2*j+1], t[2*j], largest)
					continue
				}
				k.FMAX(t[2*j], largest, largest)
				k.FMAX(t[2*j+1], largest, largest)
				finish(largest, largest)
			}
		})
	}
	k.storeTwice(low, high, row)
}

// storeTwice stores the pixels of tiles 0 to 3, whose lanes are tiles, and behind them those of tiles 4 to 7.
func (k *kernel) storeTwice(low, high []register, row general) {
	place := k.general()
	k.emit("MOVD", row, place)
	k.storeNext(len(low), low, place)
	k.storeNext(len(high), high, place)
}
