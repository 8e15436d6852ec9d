// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

var errCode = fmt.Errorf("%w: a Huffman code that is none", raster.ErrCorrupt)

// sequential decodes a whole block (T.81, F.2.2), which must be zero before. flat says that it has no AC coefficients.
func (d *decoder) sequential(i int, block *[blockLen]int16) (flat bool, err error) {
	s, b := &d.scan, &d.bits
	diff, err := d.difference(s.dc[i])
	if err != nil {
		return false, err
	}
	s.previousDC[i] += diff
	ac := s.ac[i]
	k := 1
	for {
		if b.acc, b.n, k = ac.short(block, b.acc, b.n, k); k >= blockLen {
			break
		}
		if b.n < symbolBits {
			b.acc, b.n = b.more(b.acc, b.n)
			continue
		}
		coefficient, length := ac.coefficient(b.acc)
		if length == 0 {
			return false, errCode
		}
		b.skip(length)
		run := int(uint8(coefficient >> 8))
		if run == zeros16 {
			k = min(k+run, blockLen)
			continue
		}
		block[zigzag[(k+run)&(zigzagLen-1)]&(blockLen-1)] = int16(coefficient >> 16)
		k += run + 1
	}
	if k > blockLen && k <= endOfBlock {
		return false, errCode
	}
	block[0] = int16(s.previousDC[i]) // which the end of the block overwrites
	return k == 1+endOfBlock+1, nil
}

// short decodes AC coefficients from the k-th on, as long as fast has them and acc has bits. It returns the reader's state, and
// the next k. Here most time is spent: it is a function of its own, without calls, for the compiler to keep all in registers.
//
//go:noinline
func (h *huffman) short(block *[blockLen]int16, acc uint64, n, k int) (uint64, int, int) {
	for k < blockLen && n >= lookupBits {
		fast := h.fast[acc>>(64-lookupBits)]
		if fast == 0 {
			break
		}
		acc <<= uint32(fast) & 63
		n -= int(fast & 63)
		k += int(uint8(fast >> 8))
		block[zigzag[k&(zigzagLen-1)]&(blockLen-1)] = int16(fast >> 16)
		k++
	}
	return acc, n, k
}

// difference decodes the difference of a DC coefficient to the one before.
func (d *decoder) difference(table *huffman) (int32, error) {
	b := &d.bits
	if b.n < symbolBits {
		b.acc, b.n = b.more(b.acc, b.n)
	}
	if fast := table.fast[b.acc>>(64-lookupBits)]; fast != 0 {
		b.skip(uint32(fast & 63))
		return fast >> 16, nil
	}
	size, ok := table.symbol(b)
	if !ok || size > 15 {
		return 0, errCode
	}
	if size == 0 {
		return 0, nil
	}
	return extend(b.take(size), size), nil
}

// firstDC decodes the upper bits of a DC coefficient (T.81, G.1.2.1).
func (d *decoder) firstDC(i int, block *[blockLen]int16) error {
	s := &d.scan
	diff, err := d.difference(s.dc[i])
	if err != nil {
		return err
	}
	s.previousDC[i] += diff
	block[0] = int16(s.previousDC[i] << s.low)
	return nil
}

// firstAC decodes the upper bits of a band of AC coefficients (T.81, G.1.2.2).
func (d *decoder) firstAC(block *[blockLen]int16) error {
	s, b := &d.scan, &d.bits
	if s.endOfBand > 0 {
		s.endOfBand--
		return nil
	}
	ac := s.ac[0]
	for k := s.specStart; k <= s.specEnd; k++ {
		if b.n < 32 {
			b.refill()
		}
		symbol, ok := ac.symbol(b)
		if !ok {
			return errCode
		}
		run, size := symbol>>4, symbol&15
		if size == 0 {
			if run != 15 {
				s.endOfBand = 1<<run - 1 + int(b.take(run))
				return nil
			}
			k += 15
			continue
		}
		k += int(run)
		if k > s.specEnd {
			return errCode
		}
		block[zigzag[k]] = int16(extend(b.take(size), size) << s.low)
	}
	return nil
}

// refineAC decodes one more bit of a band of AC coefficients (T.81, G.1.2.3).
func (d *decoder) refineAC(block *[blockLen]int16) error {
	s, b := &d.scan, &d.bits
	bit := int16(1) << s.low
	k := s.specStart
	if s.endOfBand == 0 {
		for ; k <= s.specEnd; k++ {
			b.refill()
			symbol, ok := s.ac[0].symbol(b)
			if !ok {
				return errCode
			}
			zeros, size := int(symbol>>4), symbol&15
			var value int16
			switch {
			case size > 1:
				return errCode
			case size == 1:
				value = -bit
				if b.take(1) == 1 {
					value = bit
				}
			case zeros != 15:
				s.endOfBand = 1<<zeros + int(b.take(uint32(zeros)))
			}
			if s.endOfBand > 0 {
				break
			}
			if k = d.refineNonZeroes(block, k, zeros, bit); value != 0 {
				if k > s.specEnd {
					return errCode
				}
				block[zigzag[k]] = value
			}
		}
	}
	if s.endOfBand > 0 {
		s.endOfBand--
		d.refineNonZeroes(block, k, -1, bit)
	}
	return nil
}

// refineNonZeroes reads a bit for each coefficient from k on that is not zero yet, until it has passed the given number of
// zeros and stands on the next, or to the end of the band where zeros is negative. It returns where it stands.
func (d *decoder) refineNonZeroes(block *[blockLen]int16, k, zeros int, bit int16) int {
	b := &d.bits
	for last := d.scan.specEnd; k <= last; k++ {
		at := &block[zigzag[k&(blockLen-1)]]
		if *at == 0 {
			if zeros == 0 {
				break
			}
			zeros--
			continue
		}
		if b.n == 0 {
			b.refill()
		}
		set := b.acc>>63 != 0
		b.acc <<= 1
		b.n--
		if !set || *at&bit != 0 {
			continue
		}
		if *at > 0 {
			*at += bit
		} else {
			*at -= bit
		}
	}
	return k
}

// zigzag leads from the order of coding to rows (T.81, figure A.6). What lies behind the block, where a run of zeros or
// endOfBlock can lead to, is its first coefficient, which is written last.
var zigzag = [zigzagLen]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// zigzagLen is a power of 2, with which indexes need no check.
const zigzagLen = 2 * blockLen

// standardHuffman are the tables of T.81, annex K.3, for luminance and chrominance, DC and AC: the number of codes of each
// length, then their symbols.
var standardHuffman = [2][2]string{
	{
		"\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00" +
			"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b",
		"\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d" +
			"\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07" +
			"\x22\x71\x14\x32\x81\x91\xa1\x08\x23\x42\xb1\xc1\x15\x52\xd1\xf0" +
			"\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28" +
			"\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49" +
			"\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69" +
			"\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89" +
			"\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7" +
			"\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5" +
			"\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2" +
			"\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8" +
			"\xf9\xfa",
	},
	{
		"\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00" +
			"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b",
		"\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77" +
			"\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71" +
			"\x13\x22\x32\x81\x08\x14\x42\x91\xa1\xb1\xc1\x09\x23\x33\x52\xf0" +
			"\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26" +
			"\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48" +
			"\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68" +
			"\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87" +
			"\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5" +
			"\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3" +
			"\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda" +
			"\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8" +
			"\xf9\xfa",
	},
}
