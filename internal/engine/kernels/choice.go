// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// The choice of a row of 2×2 windows says where their gradients go, in three planes of bits, one after another: whether the
// window's output is above 0, so that ReLU lets a gradient pass, whether the chosen pixel is the right one, and whether it is
// the lower one. Window i is bit i%16 of a plane's word i/16; bits beyond the row are arbitrary. (The first plane could be
// read off the outputs, but these take 32 times as long to read, and the backward pass may do so when they are overwritten.)

const (
	choicePlanes = 3
	choiceBits   = 16 // of a word
)

// ChoiceWords returns the length of the choice of a row of windows.
func ChoiceWords(windows int) int { return choicePlanes * ((windows + choiceBits - 1) / choiceBits) }

// ChosenPixel returns which pixel window i chose: 0 and 1 in the upper row, 2 and 3 in the lower one. alive says whether
// a gradient passes.
func ChosenPixel(choice []uint16, i int) (pixel int, alive bool) {
	words := len(choice) / choicePlanes
	bit := func(plane int) int { return int(choice[plane*words+i/choiceBits] >> (i % choiceBits) & 1) }
	return 2*bit(2) + bit(1), bit(0) == 1
}

// normPoolRow is the portable NormPool of a set.
func normPoolRow(out []float32, choice []uint16, top, bottom []float32, scale, shift float32) {
	choice, top, bottom = choice[:ChoiceWords(len(out))], top[:2*len(out)], bottom[:2*len(out)]
	words := len(choice) / choicePlanes
	clear(choice)
	for i := range out {
		best, at := scale*top[2*i]+shift, uint16(0)
		if v := scale*top[2*i+1] + shift; v > best || v != v {
			best, at = v, 1
		}
		if v := scale*bottom[2*i] + shift; v > best || v != v {
			best, at = v, 2
		}
		if v := scale*bottom[2*i+1] + shift; v > best || v != v {
			best, at = v, 3
		}
		out[i] = max(best, 0)
		word, bit := i/choiceBits, i%choiceBits
		if out[i] > 0 {
			choice[word] |= 1 << bit
		}
		choice[words+word] |= at & 1 << bit
		choice[2*words+word] |= at >> 1 << bit
	}
}

// normPoolSumsRow is the portable NormPoolSums of a set.
func normPoolSumsRow(d []float32, choice []uint16, top, bottom []float32, mean float32) (sum, dot float32) {
	choice = choice[:ChoiceWords(len(d))]
	rows := [2][]float32{top, bottom}
	for i, g := range d {
		if pixel, alive := ChosenPixel(choice, i); alive {
			sum += g
			dot += g * (rows[pixel/2][2*i+pixel%2] - mean)
		}
	}
	return sum, dot
}

// normPoolBackwardRow is the portable NormPoolBackward of a set.
func normPoolBackwardRow(top, bottom, d []float32, choice []uint16, scale, ofX, shift float32) {
	choice = choice[:ChoiceWords(len(d))]
	affine(top, top, ofX, shift)
	affine(bottom, bottom, ofX, shift)
	rows := [2][]float32{top, bottom}
	for i, g := range d {
		if pixel, alive := ChosenPixel(choice, i); alive {
			rows[pixel/2][2*i+pixel%2] += scale * g
		}
	}
}

// unpoolRow is the portable unpool of a set: it sets the pixel that each window chose to d and the others to 0, and returns
// the sum of the pixels.
func unpoolRow(top, bottom, d []float32, choice []uint16) (sum float32) {
	choice = choice[:ChoiceWords(len(d))]
	rows := [2][]float32{top[:2*len(d)], bottom[:2*len(d)]}
	clear(rows[0])
	clear(rows[1])
	for i, g := range d {
		if pixel, alive := ChosenPixel(choice, i); alive {
			rows[pixel/2][2*i+pixel%2] = g
			sum += g
		}
	}
	return sum
}
