// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package elem

import "github.com/trainyard-dev/trainyard/internal/engine/exec"

// Dropout zeroes each element of x with probability p and scales the others by 1/(1-p), 0 ≤ p < 1. Element i depends on
// (seed, step, i) alone, so a run that is resumed at the same step draws the same mask. Called with a gradient and the
// seed, step and p of the forward pass, it is its own backward pass. y may be x.
func Dropout(ws *exec.Workspace, seed, step uint64, p float32, x, y []float32) {
	exec.CheckLength("dropout", "y", y, len(x))
	if !(p >= 0 && p < 1) {
		panic("engine: dropout: p is not in [0, 1)")
	}
	states.Of(ws).vector = vectorArgs{x: x, y: y, alpha: p, seed: Hash64(seed ^ Hash64(step))}
	ws.Run(exec.CeilDiv(len(x), vectorPart), dropoutPart)
}

func dropoutPart(ws *exec.Workspace, _, part int) {
	v := &states.Of(ws).vector
	scale := 1 / (1 - v.alpha)
	// An element is dropped if its 32 random bits are below p·2³².
	threshold := uint64(float64(v.alpha) * (1 << 32))
	for i := part * vectorPart; i < min(len(v.x), (part+1)*vectorPart); i++ {
		if Hash64(v.seed+uint64(i))>>32 < threshold {
			v.y[i] = 0
		} else {
			v.y[i] = v.x[i] * scale
		}
	}
}

// Hash64 is the output function of SplitMix64 (Steele, Lea and Flood 2014) at counter x: independent-looking 64 bits for
// every x, which makes it a random number generator without state.
func Hash64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
