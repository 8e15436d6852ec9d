// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
)

// vectorKernel is a kernel whose operands are slices of float32 and numbers, in a set and in the portable one.
type vectorKernel struct {
	name           string
	call, portable reflect.Value
}

// vectorKernels returns all of a set, so that a new one is compared before anybody thinks of it.
func vectorKernels(t *testing.T, set *Set) (found []vectorKernel) {
	t.Helper()
	of, portable := reflect.ValueOf(set).Elem(), reflect.ValueOf(portableSet)
	for i := range of.NumField() {
		if call := of.Field(i); isVectorKernel(call.Type()) && !call.IsNil() {
			found = append(found, vectorKernel{of.Type().Field(i).Name, call, portable.Field(i)})
		}
	}
	if len(found) == 0 {
		t.Fatal("no kernels")
	}
	return found
}

func isVectorKernel(kernel reflect.Type) bool {
	if kernel.Kind() != reflect.Func || kernel.NumIn() == 0 || kernel.In(0) != reflect.TypeFor[[]float32]() {
		return false
	}
	for i := range kernel.NumIn() {
		if operand := kernel.In(i); operand != reflect.TypeFor[[]float32]() && operand.Kind() != reflect.Float32 {
			return false
		}
	}
	return true
}

// lengths are those of the operands of kernels that take some that are longer than others. All others' are equally long.
var lengths = map[string][]int{"Split": {1, 1, 2}, "Halve": {1, 2, 2}}

// operands returns some for n elements. The numbers ascend, as bounds do.
func (k vectorKernel) operands(n int, memory func(values []float32) []float32) []reflect.Value {
	var values []reflect.Value
	number := float32(-0.5)
	for i := range k.call.Type().NumIn() {
		if k.call.Type().In(i).Kind() == reflect.Float32 {
			values = append(values, reflect.ValueOf(number))
			number += 1.2
			continue
		}
		times := 1
		if l := lengths[k.name]; l != nil {
			times = l[i]
		}
		values = append(values, reflect.ValueOf(memory(enginetest.RandomSlice(times*n, uint64(i+1)))))
	}
	return values
}

// lengthsAroundBlocks are those of vectors, of what is computed at a time, and of sums.
var lengthsAroundBlocks = []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 100, 4096, 9000}

// Every set's vector kernels must agree with the portable ones for lengths around their blocks. What is multiplied and added
// at once isn't rounded in between, and sums are of different parts.
func TestVectorKernelsAgree(t *testing.T) {
	const ofSums = 1e-4
	tolerances := map[string]float64{"Affine": 1e-6, "Affine2": 1e-6}
	for _, name := range Names() {
		set, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			for _, k := range vectorKernels(t, set) {
				for _, n := range lengthsAroundBlocks {
					got, want := k.operands(n, slices.Clone[[]float32]), k.operands(n, slices.Clone[[]float32])
					results, wanted := k.call.Call(got), k.portable.Call(want)
					for i, result := range results {
						if g, w := result.Float(), wanted[i].Float(); math.Abs(g-w) > ofSums*max(1, math.Abs(w)) {
							t.Errorf("%s of %d elements is %v, want %v", k.name, n, g, w)
						}
					}
					for i := range want {
						if values, ok := want[i].Interface().([]float32); ok {
							enginetest.ExpectClose(t, fmt.Sprintf("%s of %d elements: operand %d", k.name, n, i), got[i].Interface().([]float32), values, tolerances[k.name])
						}
					}
				}
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
