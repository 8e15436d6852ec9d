// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/x448/float16"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// maxRank is the largest number of dimensions of a tensor.
const maxRank = 8

// elementTypes maps ONNX's element types to the engine's. Floating-point types are read as float32, wide and unsigned
// integers as int64.
var elementTypes = map[onnxpb.TensorProto_DataType]graph.DType{
	onnxpb.TensorProto_FLOAT:    graph.Float32,
	onnxpb.TensorProto_FLOAT16:  graph.Float32,
	onnxpb.TensorProto_BFLOAT16: graph.Float32,
	onnxpb.TensorProto_DOUBLE:   graph.Float32,
	onnxpb.TensorProto_INT64:    graph.Int64,
	onnxpb.TensorProto_UINT64:   graph.Int64,
	onnxpb.TensorProto_UINT32:   graph.Int64,
	onnxpb.TensorProto_INT32:    graph.Int32,
	onnxpb.TensorProto_UINT16:   graph.Int32,
	onnxpb.TensorProto_INT16:    graph.Int32,
	onnxpb.TensorProto_UINT8:    graph.Uint8,
	onnxpb.TensorProto_INT8:     graph.Int8,
	onnxpb.TensorProto_BOOL:     graph.Bool,
}

// elementType is the engine's type for an ONNX element type.
func elementType(onnxType int32) (graph.DType, error) {
	t := onnxpb.TensorProto_DataType(onnxType)
	if dtype, ok := elementTypes[t]; ok {
		return dtype, nil
	}
	return 0, fmt.Errorf("element type %s is not supported", t)
}

// DecodeTensor converts a tensor with its data. Nothing is allocated before the shape is found to fit the data.
func DecodeTensor(t *onnxpb.TensorProto) (*graph.Tensor, error) {
	if t == nil {
		return nil, errors.New("has no value")
	}
	if t.GetDataLocation() == onnxpb.TensorProto_EXTERNAL || len(t.GetExternalData()) > 0 {
		return nil, errors.New("its data lies in another file: save the model with its weights inside (onnx.save without save_as_external_data)")
	}
	if t.GetSegment() != nil {
		return nil, errors.New("tensors in segments are not supported")
	}
	dtype, err := elementType(t.GetDataType())
	if err != nil {
		return nil, err
	}
	if len(t.GetDims()) > maxRank {
		return nil, fmt.Errorf("has %d dimensions; at most %d are supported", len(t.GetDims()), maxRank)
	}
	shape := make([]int, len(t.GetDims()))
	for i, d := range t.GetDims() {
		shape[i] = int(d)
	}
	n, err := graph.Elements(shape)
	if err != nil {
		return nil, err
	}
	tensor := &graph.Tensor{DType: dtype, Shape: shape}
	onnxType := onnxpb.TensorProto_DataType(t.GetDataType())
	if dtype == graph.Float32 {
		tensor.Floats, err = decodeFloats(t, onnxType, n)
	} else {
		tensor.Ints, err = decodeInts(t, onnxType, n)
	}
	return tensor, err
}

// decodeFloats reads the n elements of a floating-point tensor.
func decodeFloats(t *onnxpb.TensorProto, onnxType onnxpb.TensorProto_DataType, n int) ([]float32, error) {
	raw := t.GetRawData()
	switch onnxType {
	case onnxpb.TensorProto_FLOAT:
		if len(t.GetFloatData()) > 0 {
			return convert(t.GetFloatData(), n, func(v float32) float32 { return v })
		}
		return convertRaw(raw, n, 4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) })
	case onnxpb.TensorProto_DOUBLE:
		if len(t.GetDoubleData()) > 0 {
			return convert(t.GetDoubleData(), n, func(v float64) float32 { return float32(v) })
		}
		return convertRaw(raw, n, 8, func(b []byte) float32 {
			return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		})
	case onnxpb.TensorProto_FLOAT16:
		if len(t.GetInt32Data()) > 0 {
			return convert(t.GetInt32Data(), n, func(v int32) float32 { return float16.Frombits(uint16(v)).Float32() })
		}
		return convertRaw(raw, n, 2, func(b []byte) float32 { return float16.Frombits(binary.LittleEndian.Uint16(b)).Float32() })
	default: // BFLOAT16
		if len(t.GetInt32Data()) > 0 {
			return convert(t.GetInt32Data(), n, func(v int32) float32 { return math.Float32frombits(uint32(v) << 16) })
		}
		return convertRaw(raw, n, 2, func(b []byte) float32 {
			return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
		})
	}
}

// decodeInts reads the n elements of an integer or boolean tensor.
func decodeInts(t *onnxpb.TensorProto, onnxType onnxpb.TensorProto_DataType, n int) ([]int64, error) {
	if len(t.GetInt64Data()) > 0 {
		return convert(t.GetInt64Data(), n, func(v int64) int64 { return v })
	}
	if len(t.GetUint64Data()) > 0 {
		return convert(t.GetUint64Data(), n, func(v uint64) int64 { return int64(v) })
	}
	if len(t.GetInt32Data()) > 0 {
		return convert(t.GetInt32Data(), n, func(v int32) int64 { return int64(v) })
	}
	raw := t.GetRawData()
	switch onnxType {
	case onnxpb.TensorProto_INT64, onnxpb.TensorProto_UINT64:
		return convertRaw(raw, n, 8, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
	case onnxpb.TensorProto_UINT32:
		return convertRaw(raw, n, 4, func(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) })
	case onnxpb.TensorProto_INT32:
		return convertRaw(raw, n, 4, func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) })
	case onnxpb.TensorProto_UINT16:
		return convertRaw(raw, n, 2, func(b []byte) int64 { return int64(binary.LittleEndian.Uint16(b)) })
	case onnxpb.TensorProto_INT16:
		return convertRaw(raw, n, 2, func(b []byte) int64 { return int64(int16(binary.LittleEndian.Uint16(b))) })
	case onnxpb.TensorProto_INT8:
		return convertRaw(raw, n, 1, func(b []byte) int64 { return int64(int8(b[0])) })
	default: // UINT8, BOOL
		return convertRaw(raw, n, 1, func(b []byte) int64 { return int64(b[0]) })
	}
}

// convert applies f to data, which must have n elements.
func convert[From, To any](data []From, n int, f func(From) To) ([]To, error) {
	if len(data) != n {
		return nil, fmt.Errorf("has %d elements; its shape needs %d", len(data), n)
	}
	out := make([]To, n)
	for i, v := range data {
		out[i] = f(v)
	}
	return out, nil
}

// convertRaw applies f to each of the n elements of size bytes in raw.
func convertRaw[To any](raw []byte, n, size int, f func([]byte) To) ([]To, error) {
	if len(raw) != n*size {
		return nil, fmt.Errorf("has %d bytes of data; its shape needs %d", len(raw), n*size)
	}
	out := make([]To, n)
	for i := range out {
		out[i] = f(raw[i*size : (i+1)*size])
	}
	return out, nil
}
