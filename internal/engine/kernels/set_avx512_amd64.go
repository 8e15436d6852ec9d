// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"math"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// avx512Set needs what every CPU with AVX-512 since 2017 has. Where it has no kernel of its own it uses that of AVX2.
var avx512Set = Set{
	Name: "avx512",
	Supported: func() bool {
		return avx2Set.Supported() && cpu.X86.HasBMI2 &&
			cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL
	},
	TileRows:    8,
	TileColumns: 48,
	GemmTile: func(k int, a, b, c []float32) {
		_, _, _ = a[8*k-1], b[48*k-1], c[8*48-1]
		gemmTile8x48(k, &a[0], &b[0], &c[0])
	},
	ConvPixels:  2 * Lanes,
	ConvTiles:   wideConvTiles3x3,
	ConvWeights: wideConvWeights3x3,
	RowsConvolutions: []RowsKernel{
		wideRowsConvolution1, wideRowsConvolution2, wideRowsConvolution3, wideRowsConvolution4, wideRowsConvolution5, wideRowsConvolution6,
	},
	RowsAccumulations: []RowsKernel{
		wideRowsAccumulation1, wideRowsAccumulation2, wideRowsAccumulation3, wideRowsAccumulation4, wideRowsAccumulation5, wideRowsAccumulation6,
	},
	ColumnProduct:   avx2Set.ColumnProduct,
	Gather:          avx2Set.Gather,
	DepthwisePlane:  wideDepthwisePlane,
	Depthwise3x3:    avx2Set.Depthwise3x3,
	DepthwiseStrips: avx2Set.DepthwiseStrips,
	Winograd: &Winograd{
		Input:      winogradInputAVX512,
		Output:     winogradOutputAVX512,
		OutputPool: winogradOutputPoolAVX512,
		Products: []func(int, *float32, int, *float32, int, *float32, int){
			wideRowsProduct1, wideRowsProduct2, wideRowsProduct3, wideRowsProduct4, wideRowsProduct5, wideRowsProduct6,
		},
		Filters:         winogradFilters,
		FilterGradients: winogradFilterGradients,
		Interleave:      interleave8,
		WeightsInput:    winogradWeightsInput,
		WeightsGradient: winogradWeightsGradient,
	},
	Quantized: avx512Quantized(),
	Patch:     &patchesBy8,

	NormPool: func(out []float32, choice []uint16, top, bottom []float32, scale, shift float32) {
		choice, top, bottom = choice[:ChoiceWords(len(out))], top[:2*len(out)], bottom[:2*len(out)]
		if n := len(out); n > 0 {
			wideNormPool(n, &out[0], &choice[0], planeBytes(choice), &top[0], &bottom[0], scale, shift)
		}
	},
	NormPoolSums: func(d []float32, choice []uint16, top, bottom []float32, mean float32) (sum, dot float32) {
		choice, top, bottom = choice[:ChoiceWords(len(d))], top[:2*len(d)], bottom[:2*len(d)]
		if n := len(d); n > 0 {
			sum, dot = wideNormPoolSums(n, &d[0], &choice[0], planeBytes(choice), &top[0], &bottom[0], mean)
		}
		return sum, dot
	},
	NormPoolBackward: func(top, bottom, d []float32, choice []uint16, scale, ofX, shift float32) {
		choice, top, bottom = choice[:ChoiceWords(len(d))], top[:2*len(d)], bottom[:2*len(d)]
		if n := len(d); n > 0 {
			wideNormPoolBackward(n, &top[0], &bottom[0], &d[0], &choice[0], planeBytes(choice), scale, ofX, shift)
		}
	},
	Unpool: func(top, bottom, d []float32, choice []uint16) (sum float32) {
		choice, top, bottom = choice[:ChoiceWords(len(d))], top[:2*len(d)], bottom[:2*len(d)]
		if n := len(d); n > 0 {
			sum = wideUnpool(n, &top[0], &bottom[0], &d[0], &choice[0], planeBytes(choice))
		}
		return sum
	},

	Sum: func(x []float32) float64 {
		var total float64
		for len(x) > 0 {
			n := min(len(x), wideSumBlock)
			total += float64(wideSum(n, &x[0]))
			x = x[n:]
		}
		return total
	},
	SquaredDeviations: func(x []float32, mean float32) float64 {
		var total float64
		for len(x) > 0 {
			n := min(len(x), wideSumBlock)
			total += float64(wideSquaredDeviations(n, &x[0], mean))
			x = x[n:]
		}
		return total
	},
	DotDeviation: func(y, x []float32, mean float32) float64 {
		x = x[:len(y)]
		var total float64
		for len(y) > 0 {
			n := min(len(y), wideSumBlock)
			total += float64(wideDotDeviation(n, &y[0], &x[0], mean))
			y, x = y[n:], x[n:]
		}
		return total
	},
	Affine: func(y, x []float32, scale, shift float32) {
		y = y[:len(x)]
		if n := len(x); n > 0 {
			wideAffine(n, &y[0], &x[0], scale, shift)
		}
	},
	Affine2: func(z, y, x []float32, ofY, ofX, shift float32) {
		y, z = y[:len(x)], z[:len(x)]
		if n := len(x); n > 0 {
			wideAffine2(n, &z[0], &y[0], &x[0], ofY, ofX, shift)
		}
	},
	Add: func(y, a, b []float32) {
		a, b = a[:len(y)], b[:len(y)]
		if n := len(y); n > 0 {
			wideAdd(n, &y[0], &a[0], &b[0])
		}
	},
	Maximum: func(y, a, b []float32) {
		a, b = a[:len(y)], b[:len(y)]
		if n := len(y); n > 0 {
			wideMaximum(n, &y[0], &a[0], &b[0])
		}
	},
	Split: func(even, odd, x []float32) {
		odd, x = odd[:len(even)], x[:2*len(even)]
		if n := len(even); n > 0 {
			wideSplit(n, &even[0], &odd[0], &x[0])
		}
	},
	Halve: func(y, top, bottom []float32, floor float32) {
		top, bottom = top[:2*len(y)], bottom[:2*len(y)]
		if n := len(y); n > 0 {
			wideHalve(n, &y[0], &top[0], &bottom[0], floor)
		}
	},
	Clip: func(y, x []float32, low, high float32) {
		y = y[:len(x)]
		if n := len(x); n > 0 {
			wideClip(n, &y[0], &x[0], low, high)
		}
	},
	ReLU: func(y, x []float32) {
		y = y[:len(x)]
		if n := len(x); n > 0 {
			wideRelu(n, &y[0], &x[0])
		}
	},
	ReLUBackward: func(dx, y, dy []float32) {
		dx, y = dx[:len(dy)], y[:len(dy)]
		if n := len(dy); n > 0 {
			wideReluBackward(n, &dx[0], &y[0], &dy[0])
		}
	},
}

// avx512Quantized returns the kernels of 8 bits: those of AVX2 except the products.
func avx512Quantized() *Quantized {
	kernels := avx2Quantized
	kernels.DotTiles = wideDotTiles
	if cpu.X86.HasAVX512VNNI {
		kernels.DotTiles = wideDotTilesVNNI
		kernels.DotBytes, kernels.BytesLimit, kernels.ConvBytes = wideDotBytesVNNI, -math.MinInt8, wideConvBytesVNNI
	}
	return &kernels
}

// wideSumBlock is the number of elements that are added up in float32: as many to a partial sum as in the other sets, or
// fewer.
const wideSumBlock = 4 * sumBlock

// Winograd's transforms take groups of 8 tiles two at a time; that of AVX2 does an odd last one.

func winogradInputAVX512(groups int, x *float32, column, at, rowBytes, planeBytes int, zeros *float32, masks *int32,
	v *float32, pointStride int, scratch *float32) {
	if pairs := groups / 2; pairs > 0 {
		wideWinogradInput(pairs, x, column, at, rowBytes, planeBytes, zeros, masks, v, pointStride, scratch)
	}
	if done := groups &^ 1; done < groups {
		pixels := done * Lanes * WinogradTile
		winogradInput(1, x, column+pixels*FloatSize, at, rowBytes, planeBytes, zeros, offset(masks, pixels), offset(v, done*Lanes), pointStride, scratch)
	}
}

func winogradOutputAVX512(groups int, m *float32, pointStride, next int, bias, floor float32, y *float32, rowStride int, scratch *float32) {
	if pairs := groups / 2; pairs > 0 {
		wideWinogradOutput(pairs, m, pointStride, next, bias, floor, y, rowStride, scratch)
	}
	if done := groups &^ 1; done < groups {
		winogradOutput(1, offset(m, done*Lanes), pointStride, next, bias, floor, offset(y, done*Lanes*WinogradTile), rowStride, scratch)
	}
}

func winogradOutputPoolAVX512(groups int, m *float32, pointStride, next int, bias, floor float32, y *float32, rowStride int, scratch *float32) {
	if pairs := groups / 2; pairs > 0 {
		wideWinogradOutputPool(pairs, m, pointStride, next, bias, floor, y, rowStride, scratch)
	}
	if done := groups &^ 1; done < groups {
		winogradOutputPool(1, offset(m, done*Lanes), pointStride, next, bias, floor, offset(y, done*Lanes*WinogradTile/2), rowStride, scratch)
	}
}

// offset returns the address n elements behind p.
func offset[T float32 | int32](p *T, n int) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(p), n*int(unsafe.Sizeof(*p))))
}
