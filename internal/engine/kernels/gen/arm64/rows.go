// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// The tile of a product: 4 rows of 3 vectors of 8 columns, 24 registers of sums. With 6 of columns and one of weights,
// which are multiplied by element, that takes 31 of 32.
const (
	quad        = 4
	tileVectors = 3
)

// start is what the sums of a product begin with.
type start int

const (
	fromZero start = iota
	fromBias
	fromResult // what is in m already
)

// rowsProduct generates the product of 4·quads rows of packed weights with a few vectors of columns; unless the sums begin
// with zero, bounds are applied to them at the end.
func rowsProduct(name string, vectors int, from start) *kernel {
	const signature = "(quads int, u *float32, channels int, v *float32, vStride int, m *float32, mStride int"
	var k *kernel
	switch from {
	case fromZero:
		k = newKernel(name, signature+")",
			name+" computes m = u·v for 4 rows of m in each of quads ≥ 1 and a few vectors of 8 columns; u is",
			"[quads][channels][4], channels ≥ 1. The rows of v and m are vStride and mStride bytes apart.")
	case fromBias:
		k = newKernel(name, signature+", bias *float32, floor, ceiling float32)",
			name+" is rowsProduct with a bias for each row, and keeps the results between floor and ceiling.")
	case fromResult:
		k = newKernel(name, signature+", bias *float32, floor, ceiling float32)",
			name+" is rowsProduct that adds the product and a bias for each row to m, and keeps the results between floor and",
			"ceiling.")
	}
	quads, u := k.load("quads"), k.load("u")
	m, mStride, vStride := k.load("m"), k.load("mStride"), k.load("vStride")
	var bias general
	if from != fromZero {
		bias = k.load("bias")
	}
	v, channels := k.general(), k.general()
	var sums [quad][]vector
	for r := range sums {
		for range vectors {
			sums[r] = append(sums[r], k.vector())
		}
	}
	k.loop("quad", quads, 1, func() {
		k.loadTo("v", v)
		k.loadTo("channels", channels)
		k.scope(func() {
			switch from {
			case fromZero:
				k.zeroSums(sums[:])
			case fromBias:
				k.biasSums(sums[:], bias)
			case fromResult:
				k.biasSums(sums[:], bias)
				k.addRows(sums[:], m, mStride)
			}
		})
		k.loop("channel", channels, 1, func() {
			columns, weights := make([]vector, vectors), k.registers(1)
			k.loadNext(1, u, weights)
			for i := range columns {
				columns[i] = k.vector()
				k.loadVector(v, vectorBytes*i, columns[i])
			}
			k.emit("ADD", vStride, v)
			k.addProducts(weights[0], columns, sums[:])
		})
		k.scope(func() { k.endSums(sums[:], from, m, mStride) })
	})
	return k
}

// addProducts adds the products of 4 weights and a few vectors to their sums.
func (k *kernel) addProducts(weights register, columns []vector, sums [][]vector) {
	for r := range sums {
		for i, column := range columns {
			k.FMLAElement(factor{weights, r}, column, sums[r][i])
		}
	}
}

// zeroSums sets the sums to zero.
func (k *kernel) zeroSums(sums [][]vector) {
	for _, vectors := range sums {
		for _, sum := range vectors {
			k.zero(sum)
		}
	}
}

// biasSums sets the sums to the next quad's biases and goes on behind these.
func (k *kernel) biasSums(sums [][]vector, bias general) {
	biases := k.registers(1)
	k.loadNext(1, bias, biases)
	for r, vectors := range sums {
		for _, sum := range vectors {
			k.broadcast(factor{biases[0], r}, sum)
		}
	}
}

// addRows adds what m holds to the sums.
func (k *kernel) addRows(sums [][]vector, m, mStride general) {
	row, result := k.general(), k.vector()
	k.emit("MOVD", m, row)
	for r, vectors := range sums {
		for i, sum := range vectors {
			k.loadVector(row, vectorBytes*i, result)
			k.FADD(result, sum, sum)
		}
		if r < quad-1 {
			k.emit("ADD", mStride, row)
		}
	}
}

// endSums applies the bounds, if there are any, and stores the sums.
func (k *kernel) endSums(sums [][]vector, from start, m, mStride general) {
	var floor, ceiling register
	if from != fromZero {
		floor, ceiling = k.bound("floor"), k.bound("ceiling")
	}
	for _, vectors := range sums {
		for i, sum := range vectors {
			if from != fromZero {
				k.FMAX(fill(floor), sum, sum)
				k.FMIN(fill(ceiling), sum, sum)
			}
			k.storeVector(sum, m, vectorBytes*i)
		}
		k.emit("ADD", mStride, m)
	}
}

// columnProduct generates the product of packed weights with one column, where a vector of columns would be wasted on it:
// its lanes are 4 rows.
func columnProduct() *kernel {
	const unroll = 4
	k := newKernel("columnProduct", "(quads int, u *float32, channels int, x, m *float32)",
		"columnProduct adds u·x to m for 4 elements of m in each of quads ≥ 1; u is [quads][channels][4], channels ≥ 1, and x",
		"[channels][4], four times the same number.")
	quads, u, m := k.load("quads"), k.load("u"), k.load("m")
	channels, x := k.general(), k.general()
	sums := k.registers(unroll)
	weights, values := k.registers(unroll), k.registers(unroll)
	k.loop("quad", quads, 1, func() {
		k.loadTo("channels", channels)
		k.loadTo("x", x)
		k.loadRegister(m, 0, sums[0])
		k.zero(sums[1:])
		k.emit("SUBS", immediate(unroll), channels)
		k.emit("BLT", "rest")
		k.label("fourChannels")
		k.loadNext(1, u, weights)
		k.loadNext(1, x, values)
		k.VFMLA(values, weights, sums)
		k.emit("SUBS", immediate(unroll), channels)
		k.emit("BGE", "fourChannels")
		k.label("rest")
		k.emit("ADDS", immediate(unroll), channels)
		k.emit("BEQ", "end")
		k.loop("channel", channels, 1, func() {
			k.loadNext(1, u, weights[:1])
			k.loadNext(1, x, values[:1])
			k.VFMLA(values[:1], weights[:1], sums[:1])
		})
		k.label("end")
		k.FADD(sums[2:], sums[:2], sums[:2])
		k.FADD(sums[1:2], sums[:1], sums[:1])
		k.storeNext(1, sums[:1], m)
	})
	return k
}

// gemmTile generates the product of a packed panel of 8 rows and one of 12 columns: 24 registers of sums.
func gemmTile() *kernel {
	const rows, columns = 8, 12
	k := newKernel("gemmTile8x12", "(k int, a, b, c *float32)",
		"gemmTile8x12 computes c[r*12+j] = Σ_p a[p*8+r]·b[p*12+j] for 0 ≤ p < k, k ≥ 1.")
	count, a, b, c := k.load("k"), k.load("a"), k.load("b"), k.load("c")
	sums := k.registers(rows * columns / 4)
	k.zero(sums)
	k.loop("depth", count, 1, func() {
		left, right := k.registers(rows/4), k.registers(columns/4)
		k.loadNext(1, a, left)
		k.loadNext(1, b, right)
		for r := range rows {
			k.FMLAElement(factor{left[r/4], r % 4}, right, sums[r*columns/4:][:columns/4])
		}
	})
	for i := 0; i < len(sums); i += 4 {
		k.storeNext(1, sums[i:i+4], c)
	}
	return k
}
