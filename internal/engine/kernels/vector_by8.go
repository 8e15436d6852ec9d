// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package kernels

// The elementwise kernels and sums of AVX2 and NEON handle a multiple of 8 elements, or of 32; the rest is done in Go.

func sumBy8(x []float32) float64 {
	var total float64
	for len(x) >= 32 {
		n := min(len(x)&^31, 4*sumBlock)
		total += float64(sum8(n, &x[0]))
		x = x[n:]
	}
	return total + sumFloat64(x)
}

func squaredDeviationsBy8(x []float32, mean float32) float64 {
	var total float64
	for len(x) >= 32 {
		n := min(len(x)&^31, 4*sumBlock)
		total += float64(squaredDeviations8(n, &x[0], mean))
		x = x[n:]
	}
	return total + squaredDeviations(x, mean)
}

func dotDeviationBy8(y, x []float32, mean float32) float64 {
	x = x[:len(y)]
	var total float64
	for len(y) >= 32 {
		n := min(len(y)&^31, 4*sumBlock)
		total += float64(dotDeviation8(n, &y[0], &x[0], mean))
		y, x = y[n:], x[n:]
	}
	return total + dotDeviation(y, x, mean)
}

func affineBy8(y, x []float32, scale, shift float32) {
	y = y[:len(x)]
	n := len(x) &^ 7
	if n > 0 {
		affine8(n, &y[0], &x[0], scale, shift)
	}
	affine(y[n:], x[n:], scale, shift)
}

func affine2By8(z, y, x []float32, ofY, ofX, shift float32) {
	y, z = y[:len(x)], z[:len(x)]
	n := len(x) &^ 7
	if n > 0 {
		affine28(n, &z[0], &y[0], &x[0], ofY, ofX, shift)
	}
	affine2(z[n:], y[n:], x[n:], ofY, ofX, shift)
}

func addBy8(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	n := len(y) &^ 7
	if n > 0 {
		add8(n, &y[0], &a[0], &b[0])
	}
	add(y[n:], a[n:], b[n:])
}

func maximumBy8(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	n := len(y) &^ 7
	if n > 0 {
		maximum8(n, &y[0], &a[0], &b[0])
	}
	maximum(y[n:], a[n:], b[n:])
}

func splitBy8(even, odd, x []float32) {
	odd, x = odd[:len(even)], x[:2*len(even)]
	n := len(even) &^ 7
	if n > 0 {
		split8(n, &even[0], &odd[0], &x[0])
	}
	split(even[n:], odd[n:], x[2*n:])
}

func halveBy8(y, top, bottom []float32, floor float32) {
	top, bottom = top[:2*len(y)], bottom[:2*len(y)]
	n := len(y) &^ 7
	if n > 0 {
		halve8(n, &y[0], &top[0], &bottom[0], floor)
	}
	halve(y[n:], top[2*n:], bottom[2*n:], floor)
}

func clipBy8(y, x []float32, low, high float32) {
	y = y[:len(x)]
	n := len(x) &^ 7
	if n > 0 {
		clip8(n, &y[0], &x[0], low, high)
	}
	clip(y[n:], x[n:], low, high)
}

func reluBy8(y, x []float32) {
	y = y[:len(x)]
	n := len(x) &^ 7
	if n > 0 {
		relu8(n, &y[0], &x[0])
	}
	relu(y[n:], x[n:])
}

func reluBackwardBy8(dx, y, dy []float32) {
	dx, y = dx[:len(dy)], y[:len(dy)]
	n := len(dy) &^ 7
	if n > 0 {
		reluBackward8(n, &dx[0], &y[0], &dy[0])
	}
	reluBackward(dx[n:], y[n:], dy[n:])
}
