// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import "math"

// Range is of numbers from Min to Max.
type Range struct{ Min, Max float64 }

// at is the number at a part of the way from Min to Max.
func (r Range) at(part float64) float64 { return r.Min + (r.Max-r.Min)*part }

// logarithms is the range of the logarithms.
func (r Range) logarithms() Range { return Range{math.Log(r.Min), math.Log(r.Max)} }

// Patch is how large a random rectangle of an image is: its Scale, the share of the image's area, and the Ratio of its
// sides, whose logarithm is evenly spread.
type Patch struct{ Scale, Ratio Range }

// valid tells whether the ranges are, and shares at most all.
func (p Patch) valid() bool {
	// Written so that NaN fails too.
	return p.Scale.Min > 0 && p.Scale.Min <= p.Scale.Max && p.Scale.Max <= 1 &&
		p.Ratio.Min > 0 && p.Ratio.Min <= p.Ratio.Max && !math.IsInf(p.Ratio.Max, 0)
}

// patchAttempts are made to draw a rectangle that fits into the image, as in torchvision.
const patchAttempts = 10

// random yields numbers in [0, 1).
type random func() float64

// below draws a whole number below n.
func (next random) below(n int) int { return int(next() * float64(n)) }

// sides draws the sides of a rectangle in an image of size×size pixels, the first by Ratio longer than the second.
func (p Patch) sides(next random, size int) (first, second int) {
	area := float64(size*size) * p.Scale.at(next())
	ratio := math.Exp(p.Ratio.logarithms().at(next()))
	return int(math.RoundToEven(math.Sqrt(area * ratio))), int(math.RoundToEven(math.Sqrt(area / ratio)))
}

// rectangle is a part of an image, in pixels.
type rectangle struct{ x, y, width, height int }

// place draws where a rectangle lies in an image of size×size pixels.
func place(next random, size, width, height int) rectangle {
	y := next.below(size - height + 1)
	return rectangle{x: next.below(size - width + 1), y: y, width: width, height: height}
}

// Crop scales a random part of the image to the image's size: torchvision's RandomResizedCrop of the image as it was
// scaled to the network's input. Its Ratio is width by height.
type Crop struct{ Patch }

// draw returns the part of an image of size×size pixels.
func (c Crop) draw(next random, size int) rectangle {
	for range patchAttempts {
		width, height := c.sides(next, size)
		if width > 0 && width <= size && height > 0 && height <= size {
			return place(next, size, width, height)
		}
	}
	width, height := size, size
	switch {
	case c.Ratio.Min > 1:
		height = int(math.RoundToEven(float64(size) / c.Ratio.Min))
	case c.Ratio.Max < 1:
		width = int(math.RoundToEven(float64(size) * c.Ratio.Max))
	}
	return rectangle{x: (size - width) / 2, y: (size - height) / 2, width: width, height: height}
}

// Erasing replaces a random part of some images by the mean color that they are normalized with: torchvision's
// RandomErasing of normalized images, with value 0. Its Ratio is height by width.
type Erasing struct {
	// Probability that an image loses a part, 0 to 1.
	Probability float64
	Patch
}

// draw returns the part of an image of size×size pixels that is erased; ok is false if none is.
func (e Erasing) draw(next random, size int) (part rectangle, ok bool) {
	if next() >= e.Probability {
		return rectangle{}, false
	}
	for range patchAttempts {
		if height, width := e.sides(next, size); height < size && width < size {
			return place(next, size, width, height), true
		}
	}
	return rectangle{}, false
}
