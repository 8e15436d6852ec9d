// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// Sums keep four float32 partial sums over a block short enough for their rounding not to matter, then go on in float64.
const sumBlock = 1024

// sumFloat64 returns Σx.
func sumFloat64(x []float32) float64 {
	var total float64
	for len(x) > 0 {
		block := x[:min(sumBlock, len(x))]
		x = x[len(block):]
		var s0, s1, s2, s3 float32
		for len(block) >= 4 {
			s0 += block[0]
			s1 += block[1]
			s2 += block[2]
			s3 += block[3]
			block = block[4:]
		}
		for _, v := range block {
			s0 += v
		}
		total += float64(s0+s1) + float64(s2+s3)
	}
	return total
}

// squaredDeviations returns Σ(x-mean)².
func squaredDeviations(x []float32, mean float32) float64 {
	var total float64
	for len(x) > 0 {
		block := x[:min(sumBlock, len(x))]
		x = x[len(block):]
		var s0, s1, s2, s3 float32
		for len(block) >= 4 {
			d0, d1, d2, d3 := block[0]-mean, block[1]-mean, block[2]-mean, block[3]-mean
			s0 += d0 * d0
			s1 += d1 * d1
			s2 += d2 * d2
			s3 += d3 * d3
			block = block[4:]
		}
		for _, v := range block {
			s0 += (v - mean) * (v - mean)
		}
		total += float64(s0+s1) + float64(s2+s3)
	}
	return total
}

// dotDeviation returns Σ y·(x-mean).
func dotDeviation(y, x []float32, mean float32) float64 {
	x = x[:len(y)]
	var total float64
	for len(y) > 0 {
		n := min(sumBlock, len(y))
		by, bx := y[:n], x[:n]
		y, x = y[n:], x[n:]
		var s0, s1, s2, s3 float32
		for len(bx) >= 4 && len(by) >= 4 {
			s0 += by[0] * (bx[0] - mean)
			s1 += by[1] * (bx[1] - mean)
			s2 += by[2] * (bx[2] - mean)
			s3 += by[3] * (bx[3] - mean)
			by, bx = by[4:], bx[4:]
		}
		for i, v := range bx {
			s0 += by[i] * (v - mean)
		}
		total += float64(s0+s1) + float64(s2+s3)
	}
	return total
}

// affine computes y = scale·x + shift.
func affine(y, x []float32, scale, shift float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = scale*v + shift
	}
}

// affine2 computes z = ofY·y + ofX·x + shift. z may be y or x.
func affine2(z, y, x []float32, ofY, ofX, shift float32) {
	y, z = y[:len(x)], z[:len(x)]
	for i, v := range x {
		z[i] = ofY*y[i] + ofX*v + shift
	}
}

// add computes y = a + b.
func add(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i, v := range a {
		y[i] = v + b[i]
	}
}

// maximum computes y = max(a, b), NaN if either is.
func maximum(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i, v := range a {
		y[i] = max(v, b[i])
	}
}

// split takes x, twice as long as even and odd are, apart.
func split(even, odd, x []float32) {
	odd, x = odd[:len(even)], x[:2*len(even)]
	for i := range even {
		even[i], odd[i] = x[2*i], x[2*i+1]
	}
}

// halve sets each element of y to the largest of floor and 2×2 elements of top and bottom.
func halve(y, top, bottom []float32, floor float32) {
	top, bottom = top[:2*len(y)], bottom[:2*len(y)]
	for i := range y {
		y[i] = max(floor, max(top[2*i], top[2*i+1]), max(bottom[2*i], bottom[2*i+1]))
	}
}

// clip computes y = min(max(x, low), high); NaN stays NaN.
func clip(y, x []float32, low, high float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = min(max(v, low), high)
	}
}

// relu computes y = max(0, x); NaN stays NaN.
func relu(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

// reluBackward computes dx = dy where y > 0, else 0.
func reluBackward(dx, y, dy []float32) {
	dx, y = dx[:len(dy)], y[:len(dy)]
	for i, v := range dy {
		if !(y[i] > 0) {
			v = 0
		}
		dx[i] = v
	}
}
