// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// The inverse transform is libjpeg's "islow" (Loeffler, Ligtenberg and Moschytz, ICASSP 1989) in 32-bit integers:
// constants with 13 bits of fraction, and 2 bits more than needed between the two passes. Sums that no encoder writes wrap
// around.
const (
	constBits = 13
	pass1Bits = 2

	fix0_298631336 = 2446
	fix0_390180644 = 3196
	fix0_541196100 = 4433
	fix0_765366865 = 6270
	fix0_899976223 = 7373
	fix1_175875602 = 9633
	fix1_501321110 = 12299
	fix1_847759065 = 15137
	fix1_961570560 = 16069
	fix2_053119869 = 16819
	fix2_562915447 = 20995
	fix3_072711026 = 25172
)

func inverseDCT(dst []uint8, stride int, block *[BlockLen]int16, quant *[BlockLen]int32) {
	var work [BlockLen]int32
	for x := range BlockSide {
		const shift, half = constBits - pass1Bits, 1 << (constBits - pass1Bits - 1)
		in := func(y int) int32 { return int32(block[BlockSide*y+x]) * quant[BlockSide*y+x] }
		if block[8+x]|block[16+x]|block[24+x]|block[32+x]|block[40+x]|block[48+x]|block[56+x] == 0 {
			dc := (in(0)<<constBits + half) >> shift
			for y := range BlockSide {
				work[BlockSide*y+x] = dc
			}
			continue
		}
		even, odd := transform8(in(0), in(1), in(2), in(3), in(4), in(5), in(6), in(7))
		for k := range 4 {
			work[BlockSide*k+x] = (even[k] + odd[k] + half) >> shift
			work[BlockSide*(7-k)+x] = (even[k] - odd[k] + half) >> shift
		}
	}
	for y := range BlockSide {
		w := (*[BlockSide]int32)(work[BlockSide*y:])
		row := (*[BlockSide]uint8)(dst[y*stride:])
		const shift, half = constBits + pass1Bits + 3, 1 << (constBits + pass1Bits + 2)
		even, odd := transform8(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7])
		for k := range 4 {
			row[k] = Level((even[k] + odd[k] + half) >> shift)
			row[7-k] = Level((even[k] - odd[k] + half) >> shift)
		}
	}
}

// Level shifts a sample to 0..255.
func Level(v int32) uint8 { return clamp(v + 128) }

// transform8 is the one-dimensional transform: its outputs are even[k] + odd[k] from the front, and even[k] - odd[k] from
// the back.
func transform8(i0, i1, i2, i3, i4, i5, i6, i7 int32) (even, odd [4]int32) {
	z1 := (i2 + i6) * fix0_541196100
	t2 := z1 - i6*fix1_847759065
	t3 := z1 + i2*fix0_765366865
	t0 := (i0 + i4) << constBits
	t1 := (i0 - i4) << constBits
	even = [4]int32{t0 + t3, t1 + t2, t1 - t2, t0 - t3}

	z1, z2, z3, z4 := i7+i1, i5+i3, i7+i3, i5+i1
	z5 := (z3 + z4) * fix1_175875602
	z1 *= -fix0_899976223
	z2 *= -fix2_562915447
	z3 = z3*-fix1_961570560 + z5
	z4 = z4*-fix0_390180644 + z5
	odd = [4]int32{
		i1*fix1_501321110 + z1 + z4,
		i3*fix3_072711026 + z2 + z3,
		i5*fix2_053119869 + z2 + z4,
		i7*fix0_298631336 + z1 + z3,
	}
	return even, odd
}
