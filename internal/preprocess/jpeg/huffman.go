// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import (
	"encoding/binary"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

const (
	maxCodeLen = 16
	lookupBits = 10
)

// huffman decodes one table's codes.
type huffman struct {
	defined bool
	// lookup, by the next lookupBits bits: symbol<<8 | length of its code, or 0 for a longer code.
	lookup [1 << lookupBits]uint16
	// fast, by the next lookupBits bits: a coefficient whose code and bits all lie within, as value<<16 | run<<8 | bits, or 0.
	fast [1 << lookupBits]int32
	// For longer codes, by length: the smallest code beyond, aligned to 16 bits, and what to add to a code to get the
	// index of its symbol.
	maxCode [maxCodeLen + 2]uint32
	offset  [maxCodeLen + 1]int32
	symbols [256]uint8
}

func (d *decoder) huffmanTables(body []byte) error {
	for len(body) > 0 {
		if len(body) < 1+maxCodeLen {
			return fmt.Errorf("%w: Huffman table of %d bytes", raster.ErrCorrupt, len(body))
		}
		class, id := body[0]>>4, body[0]&15
		total := 0
		for _, n := range body[1 : 1+maxCodeLen] {
			total += int(n)
		}
		if class > 1 || id >= maxTables || total > 256 || len(body) < 1+maxCodeLen+total {
			return fmt.Errorf("%w: Huffman table %d of %d symbols", raster.ErrCorrupt, id, total)
		}
		table := &d.dc[id]
		if class == 1 {
			table = &d.ac[id]
		}
		counts, symbols := body[1:1+maxCodeLen], body[1+maxCodeLen:][:total]
		if err := table.define(counts, symbols, class == 1); err != nil {
			return err
		}
		body = body[1+maxCodeLen+total:]
	}
	return nil
}

// define makes a table of the number of codes of each length and their symbols (T.81, annex C).
func (h *huffman) define(counts, symbols []uint8, ac bool) error {
	*h = huffman{defined: true}
	copy(h.symbols[:], symbols)
	code, index := uint32(0), 0
	for length := 1; length <= maxCodeLen; length++ {
		n := int(counts[length-1])
		h.offset[length] = int32(index) - int32(code)
		if code+uint32(n) > 1<<length {
			return fmt.Errorf("%w: Huffman table with too many codes of %d bits", raster.ErrCorrupt, length)
		}
		for range n {
			if length <= lookupBits {
				first := code << (lookupBits - length)
				for i := range uint32(1) << (lookupBits - length) {
					h.lookup[first+i] = uint16(symbols[index])<<8 | uint16(length)
				}
			}
			code++
			index++
		}
		h.maxCode[length] = code << (maxCodeLen - length)
		code <<= 1
	}
	h.maxCode[maxCodeLen+1] = 1 << maxCodeLen
	h.defineFast(ac)
	return nil
}

// Runs that stand for what no run of a coefficient is: the end of the block, which leads behind it from any place, and 16 zeros
// without a coefficient.
const (
	endOfBlock = 192
	zeros16    = 16
)

// defineFast finds the coefficients that one look at the next bits decodes as a whole. A size of 0 is the end of the block if
// the table is of AC coefficients; a run of 16 zeros is left out.
func (h *huffman) defineFast(ac bool) {
	for i, entry := range h.lookup {
		symbol, length := uint32(entry>>8), uint32(entry&0xff)
		run, size := symbol>>4, symbol&15
		if length == 0 || length+size > lookupBits || ac && size == 0 && run > 0 {
			continue
		}
		if ac && size == 0 {
			run = endOfBlock
		}
		raw := uint32(i) >> (lookupBits - length - size) & (1<<size - 1)
		h.fast[i] = extend(raw, size)<<16 | int32(run)<<8 | int32(length+size)
	}
}

// coefficient decodes an AC coefficient that fast doesn't have: it returns what fast would, without bits, and their number: 0 if
// there is no such code.
func (h *huffman) coefficient(acc uint64) (fast int32, bits uint32) {
	symbol, length := h.find(acc)
	run, size := symbol>>4, symbol&15
	switch {
	case length == 0:
		return 0, 0
	case size == 0 && run == 15:
		run = zeros16
	case size == 0:
		run = endOfBlock
	}
	value := extend(uint32(acc<<length>>32)>>(32-size), size)
	return value<<16 | int32(run)<<8, length + size
}

// extend makes a signed value of size bits (T.81, F.2.2.1), 0 of none. Values are positive or negative by chance, so there is no
// branch.
func extend(raw, size uint32) int32 {
	negative := int32(raw<<(32-size)) >> 31 // -1 where the first bit says positive
	return int32(raw) + (^negative & (1 - 1<<size))
}

// bitReader reads the entropy-coded data of a scan. Where a marker or the end of the data comes too early it supplies
// zeros, as libjpeg does, and counts them.
type bitReader struct {
	data []byte
	pos  int
	acc  uint64 // the next bits, at the top
	n    int    // how many bits of acc are data
	// atEnd says that pos is at a marker or at the end of the data.
	atEnd bool
	// missing counts the bits supplied.
	missing int
}

// symbolBits is how many bits are needed at most for a code and the bits that follow it.
const symbolBits = maxCodeLen + 16

// refill makes at least 48 bits available.
func (b *bitReader) refill() {
	if b.n <= 48 {
		b.acc, b.n = b.more(b.acc, b.n)
	}
}

// more adds bits to the n of acc, which are 63 at most, and returns how many there are: at least 49.
func (b *bitReader) more(acc uint64, n int) (uint64, int) {
	for n <= 48 {
		if len(b.data)-b.pos >= 8 {
			// Several bytes at once where none of them is 0xff. Bits of one that isn't counted yet are added again later.
			word := binary.BigEndian.Uint64(b.data[b.pos:])
			if inverse := ^word; (inverse-0x0101010101010101)&word&0x8080808080808080 == 0 {
				b.pos += (63 - n) >> 3
				return acc | word>>(uint(n)&63), n | 56
			}
		}
		b.acc, b.n = acc, n
		more := b.refillByte()
		acc, n = b.acc, b.n
		if !more {
			break
		}
	}
	return acc, n
}

func (b *bitReader) refillByte() bool {
	if !b.atEnd && b.pos < len(b.data) {
		v := b.data[b.pos]
		if v != 0xff {
			b.pos++
			b.acc |= uint64(v) << (56 - b.n)
			b.n += 8
			return true
		}
		next := b.pos + 1
		for next < len(b.data) && b.data[next] == 0xff {
			next++
		}
		if next < len(b.data) && b.data[next] == 0 {
			b.pos = next + 1
			b.acc |= uint64(0xff) << (56 - b.n)
			b.n += 8
			return true
		}
	}
	b.atEnd = true
	b.missing += 64 - b.n
	b.n = 64
	return false
}

// overrun reports whether bits were used that the data doesn't have.
func (b *bitReader) overrun() bool { return b.missing > b.n }

func (b *bitReader) skip(n uint32) {
	b.acc <<= n
	b.n -= int(n)
}

// take returns the next n bits, at most 16, of those that refill made available.
func (b *bitReader) take(n uint32) uint32 {
	v := uint32(b.acc >> 32 >> (32 - n))
	b.skip(n)
	return v
}

// symbol decodes the next symbol, of the bits that refill made available. A code that is none makes it false.
func (h *huffman) symbol(b *bitReader) (uint32, bool) {
	symbol, length := h.find(b.acc)
	b.skip(length)
	return symbol, length > 0
}

// find returns the symbol that the upper bits of acc are the code of, and the code's length: 0 if it is none.
func (h *huffman) find(acc uint64) (symbol, length uint32) {
	if entry := h.lookup[acc>>(64-lookupBits)]; entry != 0 {
		return uint32(entry >> 8), uint32(entry & 0xff)
	}
	next := uint32(acc >> (64 - maxCodeLen))
	for length := lookupBits + 1; length <= maxCodeLen; length++ {
		if next < h.maxCode[length] {
			index := int32(next>>(maxCodeLen-length)) + h.offset[length]
			return uint32(h.symbols[uint8(index)]), uint32(length)
		}
	}
	return 0, 0
}

// standardTables defines the tables of T.81, annex K.3, where a picture has none: frames of Motion JPEG leave them out.
func (d *decoder) standardTables() {
	for i, standard := range standardHuffman {
		for class, table := range []*huffman{&d.dc[i], &d.ac[i]} {
			if !table.defined {
				counts, symbols := standard[class][:maxCodeLen], standard[class][maxCodeLen:]
				_ = table.define([]uint8(counts), []uint8(symbols), class == 1) // constant, and right
			}
		}
	}
}
