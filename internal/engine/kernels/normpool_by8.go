// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package kernels

// windowRow is the end of a row of windows that does not fill a vector, copied to where there is room for one.
type windowRow struct {
	top, bottom [16]float32
	values      [8]float32
	choice      [choicePlanes]uint16
}

// newWindowRow returns a copy of the ends of top, bottom and choice from window n on.
func newWindowRow(top, bottom []float32, choice []uint16, n int) windowRow {
	var w windowRow
	copy(w.top[:], top[2*n:])
	copy(w.bottom[:], bottom[2*n:])
	for plane := range w.choice {
		w.choice[plane] = choice[plane*len(choice)/choicePlanes+n/choiceBits] >> (n % choiceBits)
	}
	return w
}

// planeBytes returns how far apart the planes of a row's choice are.
func planeBytes(choice []uint16) int { return len(choice) / choicePlanes * choiceBits / 8 }

func normPoolBy8(out []float32, choice []uint16, top, bottom []float32, scale, shift float32) {
	choice, top, bottom = choice[:ChoiceWords(len(out))], top[:2*len(out)], bottom[:2*len(out)]
	n := len(out) &^ 7
	if n > 0 {
		normPool8(n, &out[0], &choice[0], planeBytes(choice), &top[0], &bottom[0], scale, shift)
	}
	if n < len(out) {
		w := newWindowRow(top, bottom, choice, n)
		normPool8(8, &w.values[0], &w.choice[0], planeBytes(w.choice[:]), &w.top[0], &w.bottom[0], scale, shift)
		copy(out[n:], w.values[:])
		for plane, bits := range w.choice {
			word := &choice[plane*len(choice)/choicePlanes+n/choiceBits]
			*word = *word&(1<<(n%choiceBits)-1) | bits<<(n%choiceBits)
		}
	}
}

func normPoolSumsBy8(d []float32, choice []uint16, top, bottom []float32, mean float32) (sum, dot float32) {
	choice, top, bottom = choice[:ChoiceWords(len(d))], top[:2*len(d)], bottom[:2*len(d)]
	n := len(d) &^ 7
	if n > 0 {
		sum, dot = normPoolSums8(n, &d[0], &choice[0], planeBytes(choice), &top[0], &bottom[0], mean)
	}
	if n < len(d) {
		w := newWindowRow(top, bottom, choice, n)
		copy(w.values[:], d[n:])
		s, p := normPoolSums8(8, &w.values[0], &w.choice[0], planeBytes(w.choice[:]), &w.top[0], &w.bottom[0], mean)
		sum, dot = sum+s, dot+p
	}
	return sum, dot
}

func normPoolBackwardBy8(top, bottom, d []float32, choice []uint16, scale, ofX, shift float32) {
	choice, top, bottom = choice[:ChoiceWords(len(d))], top[:2*len(d)], bottom[:2*len(d)]
	n := len(d) &^ 7
	if n > 0 {
		normPoolBackward8(n, &top[0], &bottom[0], &d[0], &choice[0], planeBytes(choice), scale, ofX, shift)
	}
	if n < len(d) {
		w := newWindowRow(top, bottom, choice, n)
		copy(w.values[:], d[n:])
		normPoolBackward8(8, &w.top[0], &w.bottom[0], &w.values[0], &w.choice[0], planeBytes(w.choice[:]), scale, ofX, shift)
		copy(top[2*n:], w.top[:])
		copy(bottom[2*n:], w.bottom[:])
	}
}

func unpoolBy8(top, bottom, d []float32, choice []uint16) float32 {
	choice, top, bottom = choice[:ChoiceWords(len(d))], top[:2*len(d)], bottom[:2*len(d)]
	var sum float32
	n := len(d) &^ 7
	if n > 0 {
		sum = unpool8(n, &top[0], &bottom[0], &d[0], &choice[0], planeBytes(choice))
	}
	if n < len(d) {
		w := newWindowRow(top, bottom, choice, n)
		copy(w.values[:], d[n:])
		sum += unpool8(8, &w.top[0], &w.bottom[0], &w.values[0], &w.choice[0], planeBytes(w.choice[:]))
		copy(top[2*n:], w.top[:])
		copy(bottom[2*n:], w.bottom[:])
	}
	return sum
}
