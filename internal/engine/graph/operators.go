// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// fusedOperators are those that optimise puts in the place of several nodes; a graph from outside cannot name them.
var fusedOperators = map[string]*operator{
	siluOperator: unaryOperator(kernels.SiLU, nil, nil),

	quantizedConvOperator:          quantizedConv,
	quantizedProductOperator:       quantizedProduct,
	quantizedSumOperator:           quantizedSum,
	quantizedMaxPoolOperator:       quantizedMaxPool,
	quantizedGlobalAverageOperator: quantizedGlobalAverage,
	quantizedFlattenOperator:       quantizedFlatten,
	packOperator:                   pack,
	unpackOperator:                 unpack,
}

// siluOperator is x·Sigmoid(x).
const siluOperator = "SiLU"

// operators are those that Compile supports. Each is described where its file defines it.
var operators = map[string]*operator{
	"Abs":                signOperator(kernels.Absolute, func(v int64) int64 { return max(v, -v) }),
	"Add":                binaryOperator(kernels.Add, false, func(a, b int64) (int64, bool) { return a + b, true }),
	"And":                logicOperator(func(a, b int64) int64 { return a & b }),
	"AveragePool":        averagePoolOperator,
	"BatchNormalization": batchNormalizationOperator,
	"Cast":               castOperator,
	"Ceil":               unaryOperator(kernels.Ceil, nil, nil),
	"Clip":               clipOperator,
	"Concat":             concatOperator,
	"Conv":               convOperator,
	"DepthToSpace":       depthToSpaceOperator,
	"DequantizeLinear":   dequantizeLinearOperator,
	"Div":                binaryOperator(kernels.Divide, false, divideInts),
	"Elu":                unaryOperator(kernels.ELU, kinds{"alpha": floatKind}, alphaBeta(1, 0)),
	"Equal":              compareOperator(func(order int) bool { return order == 0 }),
	"Erf":                unaryOperator(kernels.Erf, nil, nil),
	"Exp":                unaryOperator(kernels.Exp, nil, nil),
	"Expand":             expandOperator,
	"Flatten":            flattenOperator,
	"Floor":              unaryOperator(kernels.Floor, nil, nil),
	"Gather":             gatherOperator,
	"Gelu":               geluOperator,
	"Gemm":               gemmOperator,
	"GlobalAveragePool":  globalAveragePoolOperator,
	"GlobalMaxPool":      globalMaxPoolOperator,
	"Greater":            compareOperator(func(order int) bool { return order > 0 }),
	"GreaterOrEqual":     compareOperator(func(order int) bool { return order >= 0 }),
	"HardSigmoid":        unaryOperator(kernels.HardSigmoid, kinds{"alpha": floatKind, "beta": floatKind}, alphaBeta(0.2, 0.5)),
	"HardSwish":          unaryOperator(kernels.HardSwish, nil, nil),
	"Identity":           identityOperator,
	"LRN":                lrnOperator,
	"LeakyRelu":          unaryOperator(kernels.LeakyReLU, kinds{"alpha": floatKind}, alphaBeta(0.01, 0)),
	"Less":               compareOperator(func(order int) bool { return order < 0 }),
	"LessOrEqual":        compareOperator(func(order int) bool { return order <= 0 }),
	"Log":                unaryOperator(kernels.Log, nil, nil),
	"LogSoftmax":         softmaxAlong(true),
	"MatMul":             matMulOperator,
	"Max":                binaryOperator(kernels.Maximum, true, func(a, b int64) (int64, bool) { return max(a, b), true }),
	"MaxPool":            maxPoolOperator,
	"Mean":               meanOperator,
	"Min":                binaryOperator(kernels.Minimum, true, func(a, b int64) (int64, bool) { return min(a, b), true }),
	"Mod":                modOperator,
	"Mul":                binaryOperator(kernels.Multiply, false, func(a, b int64) (int64, bool) { return a * b, true }),
	"Neg":                signOperator(kernels.Negate, func(v int64) int64 { return -v }),
	"Not":                notOperator,
	"Or":                 logicOperator(func(a, b int64) int64 { return a | b }),
	"PRelu":              preluOperator,
	"Pad":                padOperator,
	"Pow":                powOperator,
	"QuantizeLinear":     quantizeLinearOperator,
	"Range":              rangeOperator,
	"Reciprocal":         unaryOperator(kernels.Reciprocal, nil, nil),
	"ReduceL2":           reduceOperator(kernels.ReduceL2, nil),
	"ReduceMax":          reduceOperator(kernels.ReduceMax, slices.Max[[]int64]),
	"ReduceMean":         reduceOperator(kernels.ReduceMean, nil),
	"ReduceMin":          reduceOperator(kernels.ReduceMin, slices.Min[[]int64]),
	"ReduceProd":         reduceOperator(kernels.ReduceProd, productInts),
	"ReduceSum":          reduceOperator(kernels.ReduceSum, sumInts),
	"ReduceSumSquare":    reduceOperator(kernels.ReduceSumSquare, nil),
	"Relu":               unaryOperator(kernels.ReLU, nil, nil),
	"Reshape":            reshapeOperator,
	"Resize":             resizeOperator,
	"Shape":              shapeOperator,
	"Sigmoid":            unaryOperator(kernels.Sigmoid, nil, nil),
	"Size":               sizeOperator,
	"Slice":              sliceOperator,
	"Softmax":            softmaxAlong(false),
	"Softplus":           unaryOperator(kernels.Softplus, nil, nil),
	"SpaceToDepth":       spaceToDepthOperator,
	"Split":              splitOperator,
	"Sqrt":               unaryOperator(kernels.Sqrt, nil, nil),
	"Squeeze":            squeezeOperator,
	"Sub":                binaryOperator(kernels.Subtract, false, func(a, b int64) (int64, bool) { return a - b, true }),
	"Sum":                binaryOperator(kernels.Add, true, func(a, b int64) (int64, bool) { return a + b, true }),
	"Tanh":               unaryOperator(kernels.Tanh, nil, nil),
	"Tile":               tileOperator,
	"Transpose":          transposeOperator,
	"Unsqueeze":          unsqueezeOperator,
	"Where":              whereOperator,
	"Xor":                logicOperator(func(a, b int64) int64 { return a ^ b }),
}
