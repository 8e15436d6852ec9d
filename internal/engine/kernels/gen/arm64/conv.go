// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// convTile generates the forward pass of the 3×3 convolution with stride 1 over a padded image. Its tile is that of a
// product, the vectors of which may lie anywhere in the image.
func convTile() *kernel {
	k := newKernel("convTiles3x3",
		"(tiles int, offsets *int, x *float32, channels, channelStride, rowStride int, w, bias, y *float32, planeStride int)",
		"convTiles3x3 computes, for each of the tiles ≥ 1, 4 output channels of 3 vectors of 8 pixels. offsets holds 6 byte",
		"offsets a tile: the vectors' places in x, where the window of their first pixel begins, then those in y. x is a padded",
		"image of channels ≥ 1 planes; w is [channels][3][3][4]; bias has 4 elements. Strides are in bytes.")
	tiles, offsets := k.load("tiles"), k.load("offsets")
	channelStride, rowStride, planeStride := k.load("channelStride"), k.load("rowStride"), k.load("planeStride")
	w, channels := k.general(), k.general()
	var rows [tileVectors][taps]general // of the vectors' windows
	for v := range rows {
		for ky := range rows[v] {
			rows[v][ky] = k.general()
		}
	}
	var sums [quad][]vector
	for r := range sums {
		for range tileVectors {
			sums[r] = append(sums[r], k.vector())
		}
	}
	k.loop("tile", tiles, 1, func() {
		k.loadTo("w", w)
		k.loadTo("channels", channels)
		k.scope(func() {
			x, bias := k.load("x"), k.load("bias")
			for v := range rows {
				k.emit("MOVD", at(offsets, 8*v), rows[v][0])
				k.emit("ADD", x, rows[v][0])
				k.emit("ADD", rowStride, rows[v][0], rows[v][1])
				k.emit("ADD", rowStride, rows[v][1], rows[v][2])
			}
			k.biasSums(sums[:], bias)
		})
		k.loop("channel", channels, 1, func() {
			for tap := range taps * taps {
				k.scope(func() {
					weights, pixels := k.registers(1), make([]vector, tileVectors)
					k.loadNext(1, w, weights)
					for v := range pixels {
						pixels[v] = k.vector()
						k.loadUnaligned(rows[v][tap/taps], floatBytes*(tap%taps), pixels[v])
					}
					k.addProducts(weights[0], pixels, sums[:])
				})
			}
			for v := range rows {
				for _, row := range rows[v] {
					k.emit("ADD", channelStride, row)
				}
			}
		})
		y, place := k.load("y"), k.general()
		for v := range tileVectors {
			k.emit("MOVD", at(offsets, 8*(tileVectors+v)), place)
			k.emit("ADD", y, place)
			for r := range quad {
				k.storeVector(sums[r][v], place, 0)
				if r < quad-1 {
					k.emit("ADD", planeStride, place)
				}
			}
		}
		k.emit("ADD", immediate(8*2*tileVectors), offsets)
	})
	return k
}

// convWeightTile generates the gradient of the 3×3 convolution's weights: 4 output channels times the 3 taps of a kernel
// row, each a sum over pixels, 8 at a time.
func convWeightTile() *kernel {
	k := newKernel("convWeights3x3",
		"(rows int, offsets *int, vectors int, x *float32, channels, channelStride, rowStride int, dy *float32, dyStride int, dw *float32)",
		"convWeights3x3 adds to dw, [channels][3][4][3] (kernel row, output channel, kernel column), the products of dy and x",
		"summed over rows ≥ 1 of 8·vectors pixels. offsets holds each row's place in x in bytes, where the window of its first",
		"pixel begins; the rows of dy follow one another, and its 4 output channels are dyStride apart. Strides are in bytes.")
	offsets, dyStride, dw, channels := k.load("offsets"), k.load("dyStride"), k.load("dw"), k.load("channels")
	channel, channelStride, rowStride := k.load("x"), k.load("channelStride"), k.load("rowStride")
	kernelRows, window, place := k.general(), k.general(), k.general()
	rows, vectors, x := k.general(), k.general(), k.general()
	var gradients [quad]general
	for r := range gradients {
		gradients[r] = k.general()
	}
	var sums [quad * taps]vector
	for i := range sums {
		sums[i] = k.vector()
	}
	k.loop("channel", channels, 1, func() {
		k.emit("MOVD", immediate(taps), kernelRows)
		k.emit("MOVD", channel, window)
		k.loop("kernelRow", kernelRows, 1, func() {
			for _, sum := range sums {
				k.zero(sum)
			}
			k.loadTo("rows", rows)
			k.emit("MOVD", offsets, place)
			k.loadTo("dy", gradients[0])
			for r := 1; r < quad; r++ {
				k.emit("ADD", dyStride, gradients[r-1], gradients[r])
			}
			k.loop("row", rows, 1, func() {
				k.emit("MOVD.P", at(place, 8), x)
				k.emit("ADD", window, x)
				k.loadTo("vectors", vectors)
				k.loop("vector", vectors, 1, func() {
					var pixels [taps]vector
					for t := range pixels {
						pixels[t] = k.vector()
						k.loadUnaligned(x, floatBytes*t, pixels[t])
					}
					gradient := k.vector()
					for r := range gradients {
						k.loadNext(1, gradients[r], gradient)
						for t := range pixels {
							k.VFMLA(gradient, pixels[t], sums[taps*r+t])
						}
					}
					k.emit("ADD", immediate(vectorBytes), x)
				})
			})
			for i := 0; i < len(sums); i += 4 {
				k.addTotals([4]vector(sums[i:]), dw)
			}
			k.emit("ADD", rowStride, window)
		})
		k.emit("ADD", channelStride, channel)
	})
	return k
}

// addTotals adds the sums of the elements of 4 vectors to the 4 floats at place, and goes on behind these.
func (k *kernel) addTotals(v [4]vector, place general) {
	var halves [4]register
	for i := range v {
		k.FADD(v[i][1:], v[i][:1], v[i][:1])
		halves[i] = v[i][0]
	}
	k.horizontalSums(halves)
	total, before := vector{halves[0]}, vector{halves[1]}
	k.loadRegister(place, 0, before[0])
	k.FADD(before, total, total)
	k.storeNext(1, total, place)
}
