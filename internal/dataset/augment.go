// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"math/rand/v2"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Augmentation varies training images at random, each anew in every epoch. The
// zero value changes nothing. The color changes are those of torchvision's
// ColorJitter, applied in random order.
type Augmentation struct {
	// RotationDegrees turns the image by at most this angle in either direction, 0 to 180 degrees.
	// Corners that come into view repeat the nearest edge.
	RotationDegrees float64
	// HorizontalFlip mirrors every second image, on average.
	HorizontalFlip bool
	// Brightness scales the image by a factor of 1 ± Brightness, 0 to 1.
	Brightness float64
	// Contrast scales the distance to the image's mean gray by a factor of
	// 1 ± Contrast, 0 to 1.
	Contrast float64
	// Saturation scales the distance to each pixel's gray by a factor of
	// 1 ± Saturation, 0 to 1.
	Saturation float64
	// Crop comes before all of that, Erasing after normalization. The zero values don't.
	Crop    Crop
	Erasing Erasing
}

// Validate names the first field that is out of range.
func (a Augmentation) Validate() error {
	for _, field := range []struct {
		name       string
		value, max float64
	}{
		{"rotationDegrees", a.RotationDegrees, 180},
		{"brightness", a.Brightness, 1},
		{"contrast", a.Contrast, 1},
		{"saturation", a.Saturation, 1},
		{"erasing.probability", a.Erasing.Probability, 1},
	} {
		// Written so that NaN fails too.
		if !(field.value >= 0 && field.value <= field.max) {
			return fmt.Errorf("augmentation: %s %v: must be between 0 and %v", field.name, field.value, field.max)
		}
	}
	for _, part := range []struct {
		name  string
		drawn bool
		patch Patch
	}{
		{"crop", a.Crop != Crop{}, a.Crop.Patch},
		{"erasing", a.Erasing != Erasing{}, a.Erasing.Patch},
	} {
		if part.drawn && !part.patch.valid() {
			return fmt.Errorf("augmentation: %s %+v: scales must rise within 0 and 1, ratios from above 0", part.name, part.patch)
		}
	}
	return nil
}

// augmenter applies an Augmentation. It has scratch memory, so each worker has
// its own.
type augmenter struct {
	Augmentation
	size    int
	changed []uint8
}

func newAugmenter(a Augmentation, size int) *augmenter {
	return &augmenter{Augmentation: a, size: size, changed: make([]uint8, size*size*preprocess.Channels)}
}

// Streams of random numbers that aren't those of the changes that came first: what is added leaves these as they are.
const (
	cropStream    = 0x63726f70
	erasingStream = 0x65726173
)

// stream returns the random numbers of a change of a sample in an epoch.
func stream(seed, epoch, change, sample uint64) random {
	return rand.New(rand.NewPCG(mix(mix(seed, epoch), change), sample)).Float64
}

// apply changes pixels, RGB of shape [size, size, 3], in place. What it does is
// determined by seed, epoch and sample, so it doesn't matter which worker does
// it, or when.
func (a *augmenter) apply(pixels []uint8, seed, epoch, sample uint64) {
	if a.Augmentation == (Augmentation{}) {
		return
	}
	rng := rand.New(rand.NewPCG(mix(seed, epoch), sample))
	// Every draw is made whether it is used or not: switching one change on
	// doesn't alter the others.
	var (
		degrees    = (2*rng.Float64() - 1) * a.RotationDegrees
		mirrored   = a.HorizontalFlip && rng.Uint64()&1 == 1
		brightness = factor(rng, a.Brightness)
		contrast   = factor(rng, a.Contrast)
		saturation = factor(rng, a.Saturation)
		order      = rng.Perm(3)
	)
	if a.Crop != (Crop{}) {
		enlarge(a.changed, pixels, a.size, a.Crop.draw(stream(seed, epoch, cropStream, sample), a.size))
		copy(pixels, a.changed)
	}
	if mirrored {
		mirror(pixels, a.size)
	}
	if degrees != 0 {
		rotate(a.changed, pixels, a.size, degrees)
		copy(pixels, a.changed)
	}
	for _, change := range order {
		switch {
		case change == 0 && brightness != 1:
			adjustBrightness(pixels, brightness)
		case change == 1 && contrast != 1:
			adjustContrast(pixels, contrast)
		case change == 2 && saturation != 1:
			adjustSaturation(pixels, saturation)
		}
	}
}

// erase changes an image that apply has changed and that was normalized, of shape [3, size, size].
func (a *augmenter) erase(image []float32, seed, epoch, sample uint64) {
	part, ok := a.erased(seed, epoch, sample)
	if !ok {
		return
	}
	for plane := range preprocess.Channels {
		for y := range part.height {
			row := (plane*a.size+part.y+y)*a.size + part.x
			clear(image[row : row+part.width])
		}
	}
}

// erased is the part that erase clears; ok is false if it clears none.
func (a *augmenter) erased(seed, epoch, sample uint64) (part rectangle, ok bool) {
	if a.Erasing == (Erasing{}) {
		return rectangle{}, false
	}
	return a.Erasing.draw(stream(seed, epoch, erasingStream, sample), a.size)
}

// factor draws from 1 ± spread.
func factor(rng *rand.Rand, spread float64) float32 {
	return float32(1 + (2*rng.Float64()-1)*spread)
}

// mix combines two seeds into one (the finalizer of SplitMix64).
func mix(a, b uint64) uint64 {
	z := a + (b+1)*0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
