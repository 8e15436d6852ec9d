// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine/nn"
)

// baselineCNN has four blocks of 3×3 convolution (32, 64, 128, 256 channels, padding 1), batch normalization, ReLU and
// 2×2 max pooling, then global average pooling, dropout and a linear classifier: 389,000 parameters for two classes.
// The convolutions have no bias, which batch normalization would cancel.
func baselineCNN(config Config) []nn.Layer {
	var layers []nn.Layer
	in := channels
	for i, out := range []int{32, 64, 128, 256} {
		block := fmt.Sprintf("block%d", i+1)
		layers = append(layers,
			nn.NewConv2D(block+".conv", nn.Conv2DConfig{InChannels: in, OutChannels: out, Kernel: 3, Padding: 1}),
			nn.NewBatchNorm2D(block+".norm", out),
			nn.NewReLU(block+".relu"),
			nn.NewMaxPool2D(block+".pool", 2, 2),
		)
		in = out
	}
	return append(layers, head(config, in)...)
}

// simpleCNN is a small network for quick trials: three blocks of 3×3 convolution (16, 32, 64 channels, padding 1, with
// bias), ReLU and 2×2 max pooling, then global average pooling, dropout and a linear classifier: 24,000 parameters for
// two classes.
func simpleCNN(config Config) []nn.Layer {
	var layers []nn.Layer
	in := channels
	for i, out := range []int{16, 32, 64} {
		block := fmt.Sprintf("block%d", i+1)
		layers = append(layers,
			nn.NewConv2D(block+".conv", nn.Conv2DConfig{InChannels: in, OutChannels: out, Kernel: 3, Padding: 1, Bias: true}),
			nn.NewReLU(block+".relu"),
			nn.NewMaxPool2D(block+".pool", 2, 2),
		)
		in = out
	}
	return append(layers, head(config, in)...)
}

// head turns feature planes into class scores.
func head(config Config, features int) []nn.Layer {
	return []nn.Layer{
		nn.NewGlobalAveragePool("pool"),
		nn.NewFlatten("flatten"),
		nn.NewDropout("dropout", float32(config.Dropout), config.Seed),
		nn.NewLinear("classifier", features, config.Classes),
	}
}
