// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "golang.org/x/sys/cpu"

// architectureSets lists the kernel sets of this architecture in the order of choice. A CPU with AVX-512 has AVX2 too,
// so avx512 must be asked for: it has been tested under emulation, but not timed.
var architectureSets = []*set{&avx2Set, &avx512Set}

var avx2Set = set{
	name:      "avx2",
	supported: func() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA },
	mr:        6,
	nr:        16,
	gemmTile: func(k int, a, b, c []float32) {
		_, _, _ = a[6*k-1], b[16*k-1], c[6*16-1]
		gemmTile6x16(k, &a[0], &b[0], &c[0])
	},
	convPixels:        lanes,
	convTiles:         convTiles3x3,
	convWeights:       convWeights3x3,
	rowsConvolutions:  []rowsKernel{rowsConvolution1, rowsConvolution2, rowsConvolution3},
	rowsAccumulations: []rowsKernel{rowsAccumulation1, rowsAccumulation2, rowsAccumulation3},
	columnProduct:     columnProduct,
	gather:            [2]gatherKernel{gatherStride1, gatherStride2},
	depthwisePlane:    depthwisePlane,
	depthwise3x3:      [2]depthwise3x3Kernel{depthwise3x3Stride1, depthwise3x3Stride2},
	winograd: &winogradKernels{
		input: winogradInput, output: winogradOutput, outputPool: winogradOutputPool,
		products: []func(int, *float32, int, *float32, int, *float32, int){rowsProduct1, rowsProduct2, rowsProduct3},
		filters:  winogradFilters, filterGradients: winogradFilterGradients,
		interleave: interleave8, weightsInput: winogradWeightsInput, weightsGradient: winogradWeightsGradient,
	},

	quantized: &avx2Quantized,

	normPool:         normPoolAVX2,
	normPoolSums:     normPoolSumsAVX2,
	normPoolBackward: normPoolBackwardAVX2,
	unpool:           unpoolAVX2,

	patch: &avx2Patches,

	sum: func(x []float32) float64 {
		var total float64
		for len(x) >= 32 {
			n := min(len(x)&^31, 4*sumBlock)
			total += float64(sum8(n, &x[0]))
			x = x[n:]
		}
		return total + sumFloat64(x)
	},
	squaredDeviations: func(x []float32, mean float32) float64 {
		var total float64
		for len(x) >= 32 {
			n := min(len(x)&^31, 4*sumBlock)
			total += float64(squaredDeviations8(n, &x[0], mean))
			x = x[n:]
		}
		return total + squaredDeviations(x, mean)
	},
	dotDeviation: func(y, x []float32, mean float32) float64 {
		x = x[:len(y)]
		var total float64
		for len(y) >= 32 {
			n := min(len(y)&^31, 4*sumBlock)
			total += float64(dotDeviation8(n, &y[0], &x[0], mean))
			y, x = y[n:], x[n:]
		}
		return total + dotDeviation(y, x, mean)
	},
	affine: func(y, x []float32, scale, shift float32) {
		y = y[:len(x)]
		n := len(x) &^ 7
		if n > 0 {
			affine8(n, &y[0], &x[0], scale, shift)
		}
		affine(y[n:], x[n:], scale, shift)
	},
	affine2: func(z, y, x []float32, ofY, ofX, shift float32) {
		y, z = y[:len(x)], z[:len(x)]
		n := len(x) &^ 7
		if n > 0 {
			affine28(n, &z[0], &y[0], &x[0], ofY, ofX, shift)
		}
		affine2(z[n:], y[n:], x[n:], ofY, ofX, shift)
	},
	add: func(y, a, b []float32) {
		a, b = a[:len(y)], b[:len(y)]
		n := len(y) &^ 7
		if n > 0 {
			add8(n, &y[0], &a[0], &b[0])
		}
		add(y[n:], a[n:], b[n:])
	},
	maximum: func(y, a, b []float32) {
		a, b = a[:len(y)], b[:len(y)]
		n := len(y) &^ 7
		if n > 0 {
			maximum8(n, &y[0], &a[0], &b[0])
		}
		maximum(y[n:], a[n:], b[n:])
	},
	split: func(even, odd, x []float32) {
		odd, x = odd[:len(even)], x[:2*len(even)]
		n := len(even) &^ 7
		if n > 0 {
			split8(n, &even[0], &odd[0], &x[0])
		}
		split(even[n:], odd[n:], x[2*n:])
	},
	halve: func(y, top, bottom []float32, floor float32) {
		top, bottom = top[:2*len(y)], bottom[:2*len(y)]
		n := len(y) &^ 7
		if n > 0 {
			halve8(n, &y[0], &top[0], &bottom[0], floor)
		}
		halve(y[n:], top[2*n:], bottom[2*n:], floor)
	},
	clip: func(y, x []float32, low, high float32) {
		y = y[:len(x)]
		n := len(x) &^ 7
		if n > 0 {
			clip8(n, &y[0], &x[0], low, high)
		}
		clip(y[n:], x[n:], low, high)
	},
	relu: func(y, x []float32) {
		y = y[:len(x)]
		n := len(x) &^ 7
		if n > 0 {
			relu8(n, &y[0], &x[0])
		}
		relu(y[n:], x[n:])
	},
	reluBackward: func(dx, y, dy []float32) {
		dx, y = dx[:len(dy)], y[:len(dy)]
		n := len(dy) &^ 7
		if n > 0 {
			reluBackward8(n, &dx[0], &y[0], &dy[0])
		}
		reluBackward(dx[n:], y[n:], dy[n:])
	},
}
