// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"math"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// The mean of a class's map is its logit without the bias: that is what the map divides among the parts of the image.
func TestActivationMapsAddUpToLogits(t *testing.T) {
	for _, architecture := range []string{"BaselineCNN", "SimpleCNN"} {
		const size = 64
		n, err := New(Config{Architecture: architecture, Classes: 3, ImageSize: size, Dropout: 0.5, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.New(1, channels, size, size)
		for i := range x.Data {
			x.Data[i] = float32(math.Sin(float64(i) / 50))
		}
		logits := append([]float32(nil), n.Forward(x, false).Data...)
		bias := n.Params()[len(n.Params())-1].Value.Data
		for class, logit := range logits {
			m, ok := n.ActivationMap(x, class)
			if !ok || len(m.Values) != m.Height*m.Width || m.Height < 4 {
				t.Fatalf("%s: map is %+v, %v", architecture, m, ok)
			}
			sum := 0.0
			for _, v := range m.Values {
				sum += float64(v)
			}
			if got := sum/float64(len(m.Values)) + float64(bias[class]); math.Abs(got-float64(logit)) > 1e-4 {
				t.Errorf("%s: map of class %d adds up to %v, the logit is %v", architecture, class, got, logit)
			}
		}
	}
}

func TestNoActivationMapWithoutALinearHead(t *testing.T) {
	heads := map[string][]nn.Layer{
		"two linear layers":  {nn.NewGlobalAveragePool("pool"), nn.NewFlatten("flatten"), nn.NewLinear("a", 16, 8), nn.NewLinear("b", 8, 2)},
		"no average pooling": {nn.NewMaxPool2D("pool", 32, 32), nn.NewFlatten("flatten"), nn.NewLinear("a", 16, 2)},
	}
	for name, head := range heads {
		conv := nn.NewConv2D("conv", nn.Conv2DConfig{InChannels: channels, OutChannels: 16, Kernel: 3, Padding: 1})
		n, err := newNetwork(Config{Architecture: name, Classes: 2, ImageSize: 32}, append([]nn.Layer{conv}, head...))
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := n.ActivationMap(tensor.New(1, channels, 32, 32), 0); ok {
			t.Errorf("%s: there is a map: %v", name, m)
		}
	}
}
