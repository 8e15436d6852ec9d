// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// windowRow is the end of a row of windows that does not fill a vector, copied to where there is room for one.
type windowRow struct {
	top, bottom [16]float32
	values      [8]float32
	choice      [8]uint8
}

// newWindowRow returns a copy of the ends of top and bottom from window n on. The other windows are dead.
func newWindowRow(top, bottom []float32, n int) windowRow {
	var w windowRow
	copy(w.top[:], top[2*n:])
	copy(w.bottom[:], bottom[2*n:])
	for i := range w.choice {
		w.choice[i] = deadChoice
	}
	return w
}

func normPoolAVX2(out []float32, choice []uint8, top, bottom []float32, scale, shift float32) {
	choice, top, bottom = choice[:len(out)], top[:2*len(out)], bottom[:2*len(out)]
	n := len(out) &^ 7
	if n > 0 {
		normPool8(n, &out[0], &choice[0], &top[0], &bottom[0], scale, shift)
	}
	if n < len(out) {
		w := newWindowRow(top, bottom, n)
		normPool8(8, &w.values[0], &w.choice[0], &w.top[0], &w.bottom[0], scale, shift)
		copy(out[n:], w.values[:])
		copy(choice[n:], w.choice[:])
	}
}

func normPoolSumsAVX2(d []float32, choice []uint8, top, bottom []float32, mean float32) (sum, dot float32) {
	choice, top, bottom = choice[:len(d)], top[:2*len(d)], bottom[:2*len(d)]
	n := len(d) &^ 7
	if n > 0 {
		sum, dot = normPoolSums8(n, &d[0], &choice[0], &top[0], &bottom[0], mean)
	}
	if n < len(d) {
		w := newWindowRow(top, bottom, n)
		copy(w.values[:], d[n:])
		copy(w.choice[:], choice[n:])
		s, p := normPoolSums8(8, &w.values[0], &w.choice[0], &w.top[0], &w.bottom[0], mean)
		sum, dot = sum+s, dot+p
	}
	return sum, dot
}

func normPoolBackwardAVX2(top, bottom, d []float32, choice []uint8, scale, ofX, shift float32) {
	choice, top, bottom = choice[:len(d)], top[:2*len(d)], bottom[:2*len(d)]
	n := len(d) &^ 7
	if n > 0 {
		normPoolBackward8(n, &top[0], &bottom[0], &d[0], &choice[0], scale, ofX, shift)
	}
	if n < len(d) {
		w := newWindowRow(top, bottom, n)
		copy(w.values[:], d[n:])
		copy(w.choice[:], choice[n:])
		normPoolBackward8(8, &w.top[0], &w.bottom[0], &w.values[0], &w.choice[0], scale, ofX, shift)
		copy(top[2*n:], w.top[:])
		copy(bottom[2*n:], w.bottom[:])
	}
}
