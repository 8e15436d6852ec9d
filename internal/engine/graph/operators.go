// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import "github.com/trainyard-dev/trainyard/internal/engine/kernels"

// operators are those that Compile supports. Each is described where its file defines it.
var operators = map[string]*operator{
	"Add":                binaryOperator(kernels.Add, false, func(a, b int64) (int64, bool) { return a + b, true }),
	"AveragePool":        averagePoolOperator,
	"BatchNormalization": batchNormalizationOperator,
	"Cast":               castOperator,
	"Clip":               clipOperator,
	"Conv":               convOperator,
	"Flatten":            flattenOperator,
	"Gemm":               gemmOperator,
	"GlobalAveragePool":  globalAveragePoolOperator,
	"Identity":           identityOperator,
	"MaxPool":            maxPoolOperator,
	"Relu":               unaryOperator(kernels.ReLU, nil, nil),
	"Reshape":            reshapeOperator,
	"Shape":              shapeOperator,
	"Softmax":            softmaxAlong(false),
}
