// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// Products are converted before they are added, which forbids a compiler to fuse the two: it would round once instead of
// twice, on some architectures.

func weighRows(sums []float32, rows []uint8, stride int, weights []float32) {
	for len(weights) >= 4 {
		weighFour(sums, rows, stride, [4]float32(weights))
		rows, weights = rows[min(4*stride, len(rows)):], weights[4:]
	}
	for i, weight := range weights {
		row := rows[i*stride:][:len(sums)]
		for k, v := range row {
			sums[k] += float32(weight * float32(v))
		}
	}
}

// weighFour weighs four rows in one pass over sums.
func weighFour(sums []float32, rows []uint8, stride int, weights [4]float32) {
	row := func(i int) []uint8 { return rows[i*stride:][:len(sums)] }
	row0, row1, row2, row3 := row(0), row(1), row(2), row(3)
	w0, w1, w2, w3 := weights[0], weights[1], weights[2], weights[3]
	for i, sum := range sums {
		sum += float32(w0 * float32(row0[i]))
		sum += float32(w1 * float32(row1[i]))
		sum += float32(w2 * float32(row2[i]))
		sum += float32(w3 * float32(row3[i]))
		sums[i] = sum
	}
}

func filterRow(dst []uint8, sums []float32, filter *Filter) {
	weights := filter.weights
	for i, first := range filter.firsts {
		var r, g, b float32
		source := sums[first:]
		for tap := range filter.taps {
			weight, pixel := weights[groupPixels*tap+i%groupPixels], source[channels*tap:][:channels]
			r += float32(weight * pixel[0])
			g += float32(weight * pixel[1])
			b += float32(weight * pixel[2])
		}
		out := dst[channels*filter.pixel(i):][:channels]
		out[0], out[1], out[2] = round8(r), round8(g), round8(b)
		if i%groupPixels == groupPixels-1 {
			weights = weights[groupPixels*filter.taps:]
		}
	}
}

func round8(v float32) uint8 {
	return uint8(min(max(v+0.5, 0), 255))
}
