// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

//go:generate go -C asm run . -pkg kernels -out ../avx2_amd64.s -stubs ../avx2_amd64.go
//go:generate go -C asm run . -avx512 -pkg kernels -out ../avx512_amd64.s -stubs ../avx512_amd64.go
//go:generate go -C asm run . -quantized -pkg kernels -out ../quantized_avx2_amd64.s -stubs ../quantized_avx2_amd64.go
//go:generate go -C asm run ./neon -out ../neon_arm64.s -stubs ../neon_arm64.go

import (
	"fmt"
	"strings"
)

// set is one implementation of the inner loops. The operations' drivers (blocking, packing, partition over threads) are
// common to all sets.
type set struct {
	name      string
	supported func() bool

	// gemmTile computes c[r*nr+j] = Σ_p a[p*mr+r]·b[p*nr+j] for 0 ≤ p < k over packed panels.
	mr, nr   int
	gemmTile func(k int, a, b, c []float32)

	// convTiles and convWeights are the inner loops of the 3×3 convolution with stride 1, described in asm/conv.go; nil
	// means that it is computed like any other convolution. convPixels is the number of pixels of convTiles' vectors.
	convPixels int
	convTiles  func(tiles int, offsets *int, x *float32, channels, channelStride, rowStride int, w, bias, y *float32,
		planeStride int)
	convWeights func(rows int, offsets *int, vectors int, x *float32, channels, channelStride, rowStride int,
		dy *float32, dyStride int, dw *float32)

	// rowsConvolutions[n-1] multiplies 4 rows of packed weights at a time with n vectors of columns, described in
	// asm/rows.go; nil means that convolutions go by gemmTile. rowsAccumulations[n-1] does the same and adds what m
	// holds; nil means that the channels of a convolution are not cut into blocks, and that none adds to its output.
	rowsConvolutions, rowsAccumulations []rowsKernel
	// columnProduct multiplies packed weights with a single column, described in asm/column.go; nil means that it fills up a
	// vector.
	columnProduct func(quads int, u *float32, channels int, x, m *float32)
	// gather[stride-1] copies what a tap meets, described in asm/gather.go; nil means that it is done in plain Go.
	gather [2]gatherKernel
	// depthwisePlane convolves a plane, described in asm/depthwise.go; nil means that it is done in plain Go.
	depthwisePlane func(rows, vectors int, x *float32, rowStep, taps int, offsets *int, w *float32, y *float32, yStep int,
		bias, floor, ceiling float32)
	// depthwise3x3[stride-1] convolves a strip of a plane in place, described in asm/depthwise3x3.go; nil means that
	// depthwisePlane does it.
	depthwise3x3 [2]depthwise3x3Kernel
	// depthwiseStrips[stride-1] convolves a strip of some planes, described in asm/depthwise_strips.go; nil means that it goes strip by
	// strip.
	depthwiseStrips [2]planeStripsKernel
	// winograd is nil if the set has no kernels for it.
	winograd *winogradKernels
	// quantized is nil if convolutions of 8 bits are computed by definition.
	quantized *quantizedKernels

	// normPool, normPoolSums, normPoolBackward and unpool work on one row of 2×2 windows, described in asm/normpool.go.
	normPool         func(out []float32, choice []uint16, top, bottom []float32, scale, shift float32)
	normPoolSums     func(d []float32, choice []uint16, top, bottom []float32, mean float32) (sum, dot float32)
	normPoolBackward func(top, bottom, d []float32, choice []uint16, scale, ofX, shift float32)
	unpool           func(top, bottom, d []float32, choice []uint16) (sum float32)

	// patch are the inner loops of the moments of patches.
	patch *patchKernels

	sum               func(x []float32) float64                        // Σx
	squaredDeviations func(x []float32, mean float32) float64          // Σ(x-mean)²
	dotDeviation      func(y, x []float32, mean float32) float64       // Σ y·(x-mean)
	affine            func(y, x []float32, scale, shift float32)       // y = scale·x + shift
	affine2           func(z, y, x []float32, ofY, ofX, shift float32) // z = ofY·y + ofX·x + shift
	add               func(y, a, b []float32)                          // y = a + b
	maximum           func(y, a, b []float32)                          // y = max(a, b), NaN if either is
	split             func(even, odd, x []float32)                     // even[i] = x[2i], odd[i] = x[2i+1]
	halve             func(y, top, bottom []float32, floor float32)    // y = the largest of 2×2 elements and floor
	clip              func(y, x []float32, low, high float32)          // y = min(max(x, low), high)
	relu              func(y, x []float32)                             // y = max(0, x)
	reluBackward      func(dx, y, dy []float32)                        // dx = dy where y > 0, else 0
}

// maxTile is the largest mr·nr of any set.
const maxTile = 8 * 48

// sets lists the implementations in the order of choice.
var sets = append(architectureSets, &portableSet)

// SetNames returns the names of the kernel sets that this CPU can run, in the order of choice.
func SetNames() []string {
	var names []string
	for _, s := range sets {
		if s.supported() {
			names = append(names, s.name)
		}
	}
	return names
}

// findSet returns the set called name, or the first supported one for the empty name.
func findSet(name string) (*set, error) {
	for _, s := range sets {
		if name != "" && s.name != name {
			continue
		}
		if s.supported() {
			return s, nil
		}
	}
	return nil, fmt.Errorf("kernel set %q is unknown or needs instructions that this CPU lacks: use one of %s, or unset %s",
		name, strings.Join(SetNames(), ", "), SetEnvironmentVariable)
}
