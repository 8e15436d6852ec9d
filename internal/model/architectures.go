// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine"
)

// baselineCNN has four blocks of 3×3 convolution (32, 64, 128, 256 channels, padding 1), batch normalisation, ReLU and
// 2×2 max pooling, then global average pooling, dropout and a linear classifier: 389,000 parameters for two classes.
// The convolutions have no bias, which batch normalisation would cancel.
func baselineCNN(config Config) []engine.Layer {
	var layers []engine.Layer
	in := channels
	for i, out := range []int{32, 64, 128, 256} {
		block := fmt.Sprintf("block%d", i+1)
		layers = append(layers,
			engine.NewConv2D(block+".conv", engine.Conv2DConfig{InChannels: in, OutChannels: out, Kernel: 3, Padding: 1}),
			engine.NewBatchNorm2D(block+".norm", out),
			engine.NewReLU(block+".relu"),
			engine.NewMaxPool2D(block+".pool", 2, 2),
		)
		in = out
	}
	return append(layers, head(config, in)...)
}

// simpleCNN is a small network for quick trials: three blocks of 3×3 convolution (16, 32, 64 channels, padding 1, with
// bias), ReLU and 2×2 max pooling, then global average pooling, dropout and a linear classifier: 24,000 parameters for
// two classes.
func simpleCNN(config Config) []engine.Layer {
	var layers []engine.Layer
	in := channels
	for i, out := range []int{16, 32, 64} {
		block := fmt.Sprintf("block%d", i+1)
		layers = append(layers,
			engine.NewConv2D(block+".conv", engine.Conv2DConfig{InChannels: in, OutChannels: out, Kernel: 3, Padding: 1, Bias: true}),
			engine.NewReLU(block+".relu"),
			engine.NewMaxPool2D(block+".pool", 2, 2),
		)
		in = out
	}
	return append(layers, head(config, in)...)
}

// head turns feature planes into class scores.
func head(config Config, features int) []engine.Layer {
	return []engine.Layer{
		engine.NewGlobalAveragePool("pool"),
		engine.NewFlatten("flatten"),
		engine.NewDropout("dropout", float32(config.Dropout), config.Seed),
		engine.NewLinear("classifier", features, config.Classes),
	}
}
