// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package openinference

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// Tensor is an input.
type Tensor struct {
	Name     string
	Datatype string
	Shape    []int64
	Data     Data
}

// Data are a tensor's values as they have arrived: nothing is decoded, and little allocated, before the shape is known to be good.
type Data interface {
	// Floats are want numbers, in row-major order. It allocates in proportion to what has arrived, whatever want is.
	Floats(want int) ([]float32, error)
	// Elements are n byte strings, at most limit, each decoded when it is asked for.
	Elements(limit int) (n int, element func(i int) ([]byte, error), err error)
}

// Images are the values of n images, if the shape is [n, 3, size, size] with n of at least 1.
func (t *Tensor) Images(spec preprocess.Spec) (values []float32, n int, err error) {
	size := int64(spec.Size)
	want := []int64{preprocess.Channels, size, size}
	if len(t.Shape) != 4 || !slices.Equal(t.Shape[1:], want) || t.Shape[0] < 1 {
		return nil, 0, invalid("the shape of %q is %v: send [N,%d,%d,%d] with N at least 1", t.Name, t.Shape, want[0], want[1], want[2])
	}
	if t.Shape[0] > math.MaxInt32/int64(spec.TensorLen()) { // more than any body holds
		return nil, 0, invalid("%q has fewer values than its shape %v needs", t.Name, t.Shape)
	}
	n = int(t.Shape[0])
	values, err = t.Data.Floats(n * spec.TensorLen())
	if err != nil {
		return nil, 0, err
	}
	return values, n, nil
}

// Elements are the tensor's byte strings, if its shape is [n] with n of at least 1.
func (t *Tensor) Elements(limit int) (n int, element func(i int) ([]byte, error), err error) {
	if n, element, err = t.Data.Elements(limit); err != nil {
		return 0, nil, err
	}
	if n == 0 || len(t.Shape) != 1 || t.Shape[0] != int64(n) {
		return 0, nil, invalid("the shape of %q is %v with %d elements: send [N] with as many elements, at least 1", t.Name, t.Shape, n)
	}
	return n, element, nil
}

// TooMany is the error of a tensor of more than limit pictures.
func TooMany(limit int) error {
	return serving.NewError(serving.CodeTooManyImages, "there are more than %d images: send at most that many in a request", limit)
}

// Raw are values as the protocol's binary form has them: numbers in little-endian order one after another, byte strings each
// after its length in four bytes.
type Raw []byte

const lengthBytes = 4 // of a number, and of a length

// Floats implements Data.
func (r Raw) Floats(want int) ([]float32, error) {
	if len(r) != lengthBytes*want {
		return nil, invalid("there are %d bytes of binary data: %d values of %s need %d", len(r), want, FP32, lengthBytes*want)
	}
	values := make([]float32, want)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(r[lengthBytes*i:]))
	}
	return values, nil
}

// Elements implements Data.
func (r Raw) Elements(limit int) (n int, element func(i int) ([]byte, error), err error) {
	var all ByteStrings
	for rest := []byte(r); len(rest) > 0; {
		if len(all) == limit {
			return 0, nil, TooMany(limit)
		}
		if len(rest) < lengthBytes {
			return 0, nil, invalid("the binary data end in the length of element %d", len(all))
		}
		length := int64(binary.LittleEndian.Uint32(rest))
		rest = rest[lengthBytes:]
		if length > int64(len(rest)) {
			return 0, nil, invalid("the binary data end in element %d, which is said to have %d bytes: put its length in four bytes before each element", len(all), length)
		}
		all = append(all, rest[:length])
		rest = rest[length:]
	}
	return all.Elements(limit)
}

// AppendRaw appends numbers as Raw has them.
func AppendRaw(b []byte, values []float32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// Numbers are values that are numbers already.
type Numbers []float32

// Floats implements Data.
func (v Numbers) Floats(want int) ([]float32, error) {
	if len(v) != want {
		return nil, invalid("there are %d values: the shape needs %d", len(v), want)
	}
	return v, nil
}

// Elements implements Data.
func (v Numbers) Elements(int) (n int, element func(i int) ([]byte, error), err error) {
	return 0, nil, invalid("there are %d numbers: %s has byte strings", len(v), Bytes)
}

// ByteStrings are values that are byte strings already.
type ByteStrings [][]byte

// Floats implements Data.
func (v ByteStrings) Floats(int) ([]float32, error) {
	return nil, invalid("there are %d byte strings: %s has numbers", len(v), FP32)
}

// Elements implements Data.
func (v ByteStrings) Elements(limit int) (n int, element func(i int) ([]byte, error), err error) {
	if len(v) > limit {
		return 0, nil, TooMany(limit)
	}
	return len(v), func(i int) ([]byte, error) { return v[i], nil }, nil
}
