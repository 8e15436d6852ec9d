// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/trainyard-dev/trainyard/internal/engine/nn"
)

// initialize draws the weights of convolutions and linear layers as PyTorch does by default: uniformly from
// ±1/√fan-in, weights and biases alike. Batch normalization keeps its scale of 1 and shift of 0. Each tensor has a
// generator of its own, seeded by the network's seed and the tensor's name.
func initialize(n *Network) {
	for _, l := range n.layers {
		switch l := l.(type) {
		case *nn.Conv2D:
			fill(n.config.Seed, l.Params(), l.Weight.Value.Len()/l.Config.OutChannels)
		case *nn.Linear:
			fill(n.config.Seed, l.Params(), l.In)
		}
	}
}

// fill draws params uniformly from ±1/√fanIn.
func fill(seed uint64, params []*nn.Param, fanIn int) {
	bound := 1 / math.Sqrt(float64(fanIn))
	for _, p := range params {
		name := fnv.New64a()
		name.Write([]byte(p.Name))
		random := rand.New(rand.NewPCG(seed, name.Sum64()))
		for i := range p.Value.Data {
			p.Value.Data[i] = float32((2*random.Float64() - 1) * bound)
		}
	}
}
