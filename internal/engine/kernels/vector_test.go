// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
)

// Every set's vector kernels must agree with the portable ones for lengths around their blocks.
func TestVectorKernelsAgree(t *testing.T) {
	const tolerance = 1e-4
	for _, name := range Names() {
		set, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{0, 1, 7, 8, 9, 31, 32, 33, 63, 100, 4096, 9000} {
				x, y := enginetest.RandomSlice(n, 1), enginetest.RandomSlice(n, 2)
				for what, pair := range map[string][2]float64{
					"sum":                {set.Sum(x), sumFloat64(x)},
					"squared deviations": {set.SquaredDeviations(x, 0.5), squaredDeviations(x, 0.5)},
					"dot deviation":      {set.DotDeviation(y, x, 0.5), dotDeviation(y, x, 0.5)},
				} {
					if math.Abs(pair[0]-pair[1]) > tolerance*max(1, math.Abs(pair[1])) {
						t.Errorf("%s of %d elements is %v, want %v", what, n, pair[0], pair[1])
					}
				}
				got, want := make([]float32, n), make([]float32, n)
				set.Affine(got, x, 2, 3)
				affine(want, x, 2, 3)
				enginetest.ExpectClose(t, "affine", got, want, 1e-6)
				set.Affine2(got, y, x, 2, 3, 4)
				affine2(want, y, x, 2, 3, 4)
				enginetest.ExpectClose(t, "affine2", got, want, 1e-6)
				set.Add(got, y, x)
				add(want, y, x)
				enginetest.ExpectClose(t, "add", got, want, 0)
				set.Maximum(got, y, x)
				maximum(want, y, x)
				enginetest.ExpectClose(t, "maximum", got, want, 0)
				set.Split(got[:n/2], got[n/2:], x)
				split(want[:n/2], want[n/2:], x)
				enginetest.ExpectClose(t, "split", got, want, 0)
				set.Halve(got[:n/2], x, y, 0.1)
				halve(want[:n/2], x, y, 0.1)
				enginetest.ExpectClose(t, "halve", got[:n/2], want[:n/2], 0)
				set.Clip(got, x, -0.5, 0.7)
				clip(want, x, -0.5, 0.7)
				enginetest.ExpectClose(t, "clip", got, want, 0)
				set.ReLU(got, x)
				relu(want, x)
				enginetest.ExpectClose(t, "relu", got, want, 0)
				set.ReLUBackward(got, x, y)
				reluBackward(want, x, y)
				enginetest.ExpectClose(t, "relu backward", got, want, 0)
			}
			nan := []float32{float32(math.NaN()), 1, 1, 1, 1, 1, 1, float32(math.NaN()), float32(math.NaN())}
			number, largest := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, make([]float32, 9)
			for _, pair := range [][2][]float32{{nan, number}, {number, nan}} {
				set.Maximum(largest, pair[0], pair[1])
				for i, v := range largest {
					if isNaN := i == 0 || i >= 7; isNaN != (v != v) {
						t.Errorf("maximum of %v and %v is %v", pair[0][i], pair[1][i], v)
					}
				}
			}
			set.ReLU(nan, nan)
			for _, i := range []int{0, 7, 8} {
				if nan[i] == nan[i] {
					t.Errorf("relu of NaN is %v", nan[i])
				}
			}
		})
	}
}

// A set that this CPU can't run may still be checked for having what drivers call without asking.
func TestSetsAreComplete(t *testing.T) {
	optional := []string{
		"ConvPixels", "ConvTiles", "ConvWeights", "Quantized", "RowsConvolutions", "RowsAccumulations", "ColumnProduct", "Gather",
		"DepthwisePlane", "Depthwise3x3", "DepthwiseStrips", "Winograd",
	}
	for _, set := range sets {
		fields := reflect.ValueOf(set).Elem()
		for i := range fields.NumField() {
			if name := fields.Type().Field(i).Name; fields.Field(i).IsZero() && !slices.Contains(optional, name) {
				t.Errorf("set %s has no %s", set.Name, name)
			}
		}
	}
}

func TestTileProductsCountsOperations(t *testing.T) {
	for _, name := range Names() {
		set, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := set.TileProducts(3), 2*3*256*set.TileRows*set.TileColumns; got != want {
			t.Errorf("%s: %d operations, want %d", name, got, want)
		}
	}
}
