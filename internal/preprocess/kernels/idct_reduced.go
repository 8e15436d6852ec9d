// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// The reduced transforms are libjpeg's: the outputs of the whole one, averaged in closed form, with the coefficients left out
// that hardly count. What they multiply with are sums of cosines, with 13 bits of fraction.
const (
	fix0_211164243 = 1730
	fix0_509795579 = 4176
	fix0_601344887 = 4926
	fix0_720959822 = 5906
	fix0_850430095 = 6967
	fix1_061594337 = 8697
	fix1_272758580 = 10426
	fix1_451774981 = 11893
	fix2_172734803 = 17799
	fix3_624509785 = 29692
)

func inverseDCT4(dst []uint8, stride int, block *[BlockLen]int16, quant *[BlockLen]int32) {
	const side = 4
	var work [side * BlockSide]int32
	for x := range BlockSide {
		if x == 4 {
			continue // which transform4 leaves out
		}
		in := func(y int) int32 { return int32(block[BlockSide*y+x]) * quant[BlockSide*y+x] }
		out := transform4(in(0), in(1), in(2), in(3), in(5), in(6), in(7))
		const shift, half = constBits - pass1Bits + 1, 1 << (constBits - pass1Bits)
		for y, v := range out {
			work[BlockSide*y+x] = (v + half) >> shift
		}
	}
	for y := range side {
		w := (*[BlockSide]int32)(work[BlockSide*y:])
		row := (*[side]uint8)(dst[y*stride:])
		const shift, half = constBits + pass1Bits + 4, 1 << (constBits + pass1Bits + 3)
		for x, v := range transform4(w[0], w[1], w[2], w[3], w[5], w[6], w[7]) {
			row[x] = Level((v + half) >> shift)
		}
	}
}

// transform4 is one-dimensional.
func transform4(i0, i1, i2, i3, i5, i6, i7 int32) [4]int32 {
	t0 := i0 << (constBits + 1)
	t2 := i2*fix1_847759065 - i6*fix0_765366865
	inner := i5*fix1_451774981 - i7*fix0_211164243 - i3*fix2_172734803 + i1*fix1_061594337
	outer := i3*fix0_899976223 - i7*fix0_509795579 - i5*fix0_601344887 + i1*fix2_562915447
	return [4]int32{t0 + t2 + outer, t0 - t2 + inner, t0 - t2 - inner, t0 + t2 - outer}
}

func inverseDCT2(dst []uint8, stride int, block *[BlockLen]int16, quant *[BlockLen]int32) {
	var upper, lower [BlockSide]int32
	for _, x := range [...]int{0, 1, 3, 5, 7} {
		in := func(y int) int32 { return int32(block[BlockSide*y+x]) * quant[BlockSide*y+x] }
		even, odd := transform2(in(0), in(1), in(3), in(5), in(7))
		const shift, half = constBits - pass1Bits + 2, 1 << (constBits - pass1Bits + 1)
		upper[x], lower[x] = (even+odd+half)>>shift, (even-odd+half)>>shift
	}
	for y, w := range [...]*[BlockSide]int32{&upper, &lower} {
		row := (*[2]uint8)(dst[y*stride:])
		const shift, half = constBits + pass1Bits + 5, 1 << (constBits + pass1Bits + 4)
		even, odd := transform2(w[0], w[1], w[3], w[5], w[7])
		row[0], row[1] = Level((even+odd+half)>>shift), Level((even-odd+half)>>shift)
	}
}

// transform2 is one-dimensional: its outputs are even + odd and even - odd.
func transform2(i0, i1, i3, i5, i7 int32) (even, odd int32) {
	return i0 << (constBits + 2), i5*fix0_850430095 - i7*fix0_720959822 - i3*fix1_272758580 + i1*fix3_624509785
}
