// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"
	"math/rand/v2"
)

// mixUpStream tells the random numbers of mixing from others of the same seed.
const mixUpStream = 0x6d697875

// mixUpShare draws the share of each image of a batch that is its own, from the beta distribution of alpha and alpha.
// What it draws is determined by seed, epoch and step.
func mixUpShare(alpha float64, seed, epoch, step uint64) float32 {
	rng := rand.New(rand.NewPCG(mix(mix(seed, epoch), mixUpStream), step))
	own, other := logGamma(rng, alpha), logGamma(rng, alpha)
	return float32(1 / (1 + math.Exp(other-own)))
}

// logGamma draws the logarithm of a number of the gamma distribution of the given shape, by the method of Marsaglia and
// Tsang (2000). The logarithm of what is drawn for a small shape is finite where the number itself isn't above 0.
func logGamma(rng *rand.Rand, shape float64) float64 {
	boost := 0.0
	if shape < 1 {
		boost = math.Log(1-rng.Float64()) / shape
		shape++
	}
	d := shape - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rng.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-rng.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return math.Log(d*v) + boost
		}
	}
}

// mixUp mixes each image of a batch with the one before it, the first with the last, as torchvision's MixUp does. Images
// are of the given length; last has room for one.
func mixUp(images []float32, length int, share float32, last []float32) {
	end := len(images) - length
	copy(last, images[end:])
	for at := end; at > 0; at -= length {
		blend(images[at:at+length], images[at-length:at], share)
	}
	blend(images[:length], last, share)
}

// blend makes share of image what it was and the rest what other is.
func blend(image, other []float32, share float32) {
	for i, v := range other {
		image[i] = share*image[i] + (1-share)*v
	}
}
