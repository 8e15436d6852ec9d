// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

//go:generate go -C gen/amd64 run . -pkg kernels -out ../../avx2_amd64.s -stubs ../../avx2_amd64.go
//go:generate go -C gen/amd64 run . -avx512 -pkg kernels -out ../../avx512_amd64.s -stubs ../../avx512_amd64.go
//go:generate go -C gen/amd64 run . -quantized -pkg kernels -out ../../quantized_avx2_amd64.s -stubs ../../quantized_avx2_amd64.go
//go:generate go -C gen/arm64 run . -out ../../neon_arm64.s -stubs ../../neon_arm64.go

import (
	"fmt"
	"strings"
)

// EnvironmentVariable names the variable that forces a kernel set.
const EnvironmentVariable = "TRAINYARD_KERNELS"

// Set is one implementation of the inner loops. The operations' drivers (blocking, packing, partition over threads) are
// common to all sets.
type Set struct {
	Name      string
	Supported func() bool

	// GemmTile computes c[r*TileColumns+j] = Σ_p a[p*TileRows+r]·b[p*TileColumns+j] for 0 ≤ p < k over packed panels.
	TileRows, TileColumns int
	GemmTile              func(k int, a, b, c []float32)

	// ConvTiles and ConvWeights are the inner loops of the 3×3 convolution with stride 1, described in gen/amd64/conv.go; nil
	// means that it is computed like any other convolution. ConvPixels is the number of pixels of ConvTiles' vectors.
	ConvPixels int
	ConvTiles  func(tiles int, offsets *int, x *float32, channels, channelStride, rowStride int, w, bias, y *float32,
		planeStride int)
	ConvWeights func(rows int, offsets *int, vectors int, x *float32, channels, channelStride, rowStride int,
		dy *float32, dyStride int, dw *float32)

	// RowsConvolutions[n-1] multiplies 4 rows of packed weights at a time with n vectors of columns, described in
	// gen/amd64/rows.go; nil means that convolutions go by GemmTile. RowsAccumulations[n-1] does the same and adds what m
	// holds; nil means that the channels of a convolution are not cut into blocks, and that none adds to its output.
	RowsConvolutions, RowsAccumulations []RowsKernel
	// ColumnProduct multiplies packed weights with a single column, described in gen/amd64/column.go; nil means that it fills up a
	// vector.
	ColumnProduct func(quads int, u *float32, channels int, x, m *float32)
	// Gather[stride-1] copies what a tap meets, described in gen/amd64/gather.go; nil means that it is done in plain Go.
	Gather [2]GatherKernel
	// DepthwisePlane convolves a plane, described in gen/amd64/depthwise.go; nil means that it is done in plain Go.
	DepthwisePlane func(rows, vectors int, x *float32, rowStep, taps int, offsets *int, w *float32, y *float32, yStep int,
		bias, floor, ceiling float32)
	// Depthwise3x3[stride-1] convolves a strip of a plane in place, described in gen/amd64/depthwise3x3.go; nil means that
	// DepthwisePlane does it.
	Depthwise3x3 [2]Depthwise3x3Kernel
	// DepthwiseStrips[stride-1] convolves a strip of some planes, described in gen/amd64/depthwise_strips.go; nil means that it goes strip by
	// strip.
	DepthwiseStrips [2]PlaneStripsKernel
	// Winograd is nil if the set has no kernels for it.
	Winograd *Winograd
	// Quantized is nil if convolutions of 8 bits are computed by definition.
	Quantized *Quantized

	// NormPool, NormPoolSums, NormPoolBackward and Unpool work on one row of 2×2 windows, described in gen/amd64/normpool.go.
	NormPool         func(out []float32, choice []uint16, top, bottom []float32, scale, shift float32)
	NormPoolSums     func(d []float32, choice []uint16, top, bottom []float32, mean float32) (sum, dot float32)
	NormPoolBackward func(top, bottom, d []float32, choice []uint16, scale, ofX, shift float32)
	Unpool           func(top, bottom, d []float32, choice []uint16) (sum float32)

	// Patch are the inner loops of the moments of patches.
	Patch *Patch

	Sum               func(x []float32) float64                        // Σx
	SquaredDeviations func(x []float32, mean float32) float64          // Σ(x-mean)²
	DotDeviation      func(y, x []float32, mean float32) float64       // Σ y·(x-mean)
	Affine            func(y, x []float32, scale, shift float32)       // y = scale·x + shift
	Affine2           func(z, y, x []float32, ofY, ofX, shift float32) // z = ofY·y + ofX·x + shift
	Add               func(y, a, b []float32)                          // y = a + b
	Maximum           func(y, a, b []float32)                          // y = max(a, b), NaN if either is
	Split             func(even, odd, x []float32)                     // even[i] = x[2i], odd[i] = x[2i+1]
	Halve             func(y, top, bottom []float32, floor float32)    // y = the largest of 2×2 elements and floor
	Clip              func(y, x []float32, low, high float32)          // y = min(max(x, low), high)
	ReLU              func(y, x []float32)                             // y = max(0, x)
	ReLUBackward      func(dx, y, dy []float32)                        // dx = dy where y > 0, else 0
}

// MaxTile is the largest mr·nr of any set.
const MaxTile = 8 * 48

// sets lists the implementations in the order of choice.
var sets = append(architectureSets, &portableSet)

// Names returns the names of the kernel sets that this CPU can run, in the order of choice.
func Names() []string {
	var names []string
	for _, s := range sets {
		if s.Supported() {
			names = append(names, s.Name)
		}
	}
	return names
}

// Find returns the set called name, or the first supported one for the empty name.
func Find(name string) (*Set, error) {
	for _, s := range sets {
		if name != "" && s.Name != name {
			continue
		}
		if s.Supported() {
			return s, nil
		}
	}
	return nil, fmt.Errorf("kernel set %q is unknown or needs instructions that this CPU lacks: use one of %s, or unset %s",
		name, strings.Join(Names(), ", "), EnvironmentVariable)
}

// TileProducts computes repeats tiles of a product from operands that stay in the first-level cache and returns the number
// of operations: timed, it tells the peak that this CPU's kernels can come near to.
func (s *Set) TileProducts(repeats int) (operations int) {
	const depth = 256
	mr, nr := s.TileRows, s.TileColumns
	a, b, c := make([]float32, depth*mr), make([]float32, depth*nr), make([]float32, mr*nr)
	for range repeats {
		s.GemmTile(depth, a, b, c)
	}
	return 2 * repeats * depth * mr * nr
}
