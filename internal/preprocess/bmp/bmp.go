// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bmp decodes Windows and OS/2 bitmaps: palettes of 1, 4 and 8 bits, plain or run-length encoded, and colors of
// 16, 24 and 32 bits with the layouts that Pillow knows. Transparency is left out.
package bmp

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/preprocess/exif"
	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// Magic begins every BMP file; '?' stands for any byte. The zeros are the upper half of the length of the header, without
// which a text that begins with these letters would be taken for a BMP.
const Magic = "BM????????????" + "??\x00\x00"

// Compressions.
const (
	compressionNone      = 0
	compressionRLE8      = 1
	compressionRLE4      = 2
	compressionBitfields = 3
)

const fileHeaderLen = 14

// Picture is a bitmap whose header has been read.
type Picture struct {
	header      raster.Header
	bits        int
	compression uint32
	topDown     bool
	palette     [256][raster.Channels]uint8
	layout      layout
	pixels      []byte
}

// layout says where a pixel's colors are: by bytes, or for 16 bits in a word.
type layout struct {
	red, green, blue int  // offsets in bytes
	bits565          bool // of 16 bits: 5, 6 and 5, rather than 5 each
}

// info is the bitmap's header as all of its versions have it.
type info struct {
	headerLen     int
	width, height int64
	bits          int
	compression   uint32
	colors        int64
	entryLen      int64 // of the palette
	masks         [4]uint32
	hasMasks      bool
	// end is where the header ends, masks included.
	end int64
}

// Open reads the header of a BMP file. Errors wrap raster's.
func Open(data []byte) (*Picture, error) {
	if len(data) < fileHeaderLen+4 {
		return nil, fmt.Errorf("%w: in the BMP header", raster.ErrTruncated)
	}
	h, topDown, err := readInfo(data)
	if err != nil {
		return nil, err
	}
	p := &Picture{bits: h.bits, compression: h.compression, topDown: topDown}
	p.header = raster.Header{Width: int(h.width), Height: int(h.height), Orientation: exif.Upright}
	if h.width <= 0 || h.height <= 0 {
		return nil, fmt.Errorf("%w: BMP of %d×%d pixels", raster.ErrCorrupt, h.width, h.height)
	}
	if err := p.chooseLayout(h); err != nil {
		return nil, err
	}
	offset := int64(binary.LittleEndian.Uint32(data[10:]))
	paletteAt := h.end
	if h.bits <= 8 {
		p.readPalette(data[paletteAt:], h)
		if offset == int64(fileHeaderLen+h.headerLen) { // written by programs that forget the palette
			offset += h.entryLen * h.colors
		}
	}
	if offset == 0 {
		offset = paletteAt
		if h.bits <= 8 {
			offset += h.entryLen * h.colors
		}
	}
	if offset > int64(len(data)) {
		return nil, fmt.Errorf("%w: the BMP ends before its pixels", raster.ErrTruncated)
	}
	p.pixels = data[offset:]
	p.header.MemoryBytes = p.memory()
	return p, nil
}

// readInfo reads the header that follows the file header.
func readInfo(data []byte) (h info, topDown bool, err error) {
	const coreLen, infoLen = 12, 40
	le := binary.LittleEndian
	h.headerLen = int(min(le.Uint32(data[fileHeaderLen:]), 1<<16))
	switch h.headerLen {
	case coreLen, infoLen, 52, 56, 64, 108, 124:
	default:
		return info{}, false, fmt.Errorf("%w: BMP with a header of %d bytes", raster.ErrUnsupported, h.headerLen)
	}
	body := data[fileHeaderLen:]
	if len(body) < h.headerLen {
		return info{}, false, fmt.Errorf("%w: in the BMP header", raster.ErrTruncated)
	}
	h.end = int64(fileHeaderLen + h.headerLen)
	if h.headerLen == coreLen {
		h.width, h.height = int64(le.Uint16(body[4:])), int64(le.Uint16(body[6:]))
		h.bits, h.entryLen, h.colors = int(le.Uint16(body[10:])), 3, 0
	} else {
		h.width, h.height = int64(int32(le.Uint32(body[4:]))), int64(int32(le.Uint32(body[8:])))
		h.bits, h.compression, h.entryLen = int(le.Uint16(body[14:])), le.Uint32(body[16:]), 4
		h.colors = int64(le.Uint32(body[32:]))
		if h.height < 0 {
			h.height, topDown = -h.height, true
		}
		if h.compression == compressionBitfields {
			if err := h.readMasks(body); err != nil {
				return info{}, false, err
			}
		}
	}
	if h.colors == 0 || h.colors > 256 {
		h.colors = 1 << min(h.bits, 8)
	}
	return h, topDown, nil
}

// readMasks reads the masks of a pixel's colors, which are part of longer headers and follow the shortest.
func (h *info) readMasks(body []byte) error {
	const at, infoLen = 40, 40
	n := 3
	if h.headerLen >= 56 {
		n = 4
	}
	if len(body) < at+4*n {
		return fmt.Errorf("%w: in the BMP header", raster.ErrTruncated)
	}
	for i := range n {
		h.masks[i] = binary.LittleEndian.Uint32(body[at+4*i:])
	}
	h.hasMasks = true
	if h.headerLen == infoLen {
		h.end += 3 * 4
	}
	return nil
}

// layouts are the orders of colors in pixels that Pillow knows, by bits and masks of red, green, blue and transparency.
var layouts = map[int]map[[4]uint32]layout{
	32: {
		{0xff0000, 0xff00, 0xff, 0}:          {red: 2, green: 1, blue: 0},
		{0xff000000, 0xff0000, 0xff00, 0}:    {red: 3, green: 2, blue: 1},
		{0xff000000, 0xff00, 0xff, 0}:        {red: 3, green: 1, blue: 0},
		{0xff000000, 0xff0000, 0xff00, 0xff}: {red: 3, green: 2, blue: 1},
		{0xff, 0xff00, 0xff0000, 0xff000000}: {red: 0, green: 1, blue: 2},
		{0xff0000, 0xff00, 0xff, 0xff000000}: {red: 2, green: 1, blue: 0},
		{0xff000000, 0xff00, 0xff, 0xff0000}: {red: 3, green: 1, blue: 0},
		{0, 0, 0, 0}:                         {red: 2, green: 1, blue: 0},
	},
	24: {{0xff0000, 0xff00, 0xff, 0}: {red: 2, green: 1, blue: 0}},
	16: {
		{0xf800, 0x7e0, 0x1f, 0}: {bits565: true},
		{0x7c00, 0x3e0, 0x1f, 0}: {},
	},
}

// chooseLayout refuses what is not decoded, and finds out where colors are.
func (p *Picture) chooseLayout(h info) error {
	switch h.bits {
	case 1, 4, 8, 16, 24, 32:
	default:
		return fmt.Errorf("%w: BMP with %d bits a pixel", raster.ErrUnsupported, h.bits)
	}
	switch {
	case h.compression == compressionNone && h.bits != 16:
		p.layout = layout{red: 2, green: 1, blue: 0}
	case h.compression == compressionNone:
	case h.compression == compressionRLE8 && h.bits == 8, h.compression == compressionRLE4 && h.bits == 4:
	case h.compression == compressionBitfields:
		masks := h.masks
		if h.bits != 32 {
			masks[3] = 0
		}
		found, ok := layouts[h.bits][masks]
		if !ok {
			return fmt.Errorf("%w: BMP with %d bits a pixel and color masks %x", raster.ErrUnsupported, h.bits, h.masks)
		}
		p.layout = found
	default:
		return fmt.Errorf("%w: BMP with compression %d at %d bits a pixel", raster.ErrUnsupported, h.compression, h.bits)
	}
	return nil
}

func (p *Picture) readPalette(data []byte, h info) {
	for i := range min(h.colors, int64(len(data))/h.entryLen) {
		entry := data[h.entryLen*i:]
		p.palette[i] = [raster.Channels]uint8{entry[2], entry[1], entry[0]}
	}
}

// stride is the length of a stored row in bytes, and used that part of it which holds pixels.
func (p *Picture) stride() (stride, used int64) {
	bits := int64(p.header.Width) * int64(p.bits)
	return (bits + 31) / 32 * 4, (bits + 7) / 8
}

func (p *Picture) runLength() bool {
	return p.compression == compressionRLE8 || p.compression == compressionRLE4
}

// memory bounds what Rows takes in bytes.
func (p *Picture) memory() int64 {
	const fixed = 4 << 10
	total := fixed + int64(raster.Channels*p.header.Width)
	if p.runLength() {
		total += int64(p.header.Width) * int64(p.header.Height)
	}
	return total
}

// Header is what Open has read.
func (p *Picture) Header() raster.Header { return p.header }

// Rows decodes the picture; see raster.Picture.
func (p *Picture) Rows(ctx context.Context, emit func(row []uint8)) error {
	pixels, bits := p.pixels, p.bits
	stride, used := p.stride()
	if p.runLength() {
		var err error
		if pixels, err = p.expand(ctx); err != nil {
			return err
		}
		bits, stride, used = 8, int64(p.header.Width), int64(p.header.Width)
	}
	height := int64(p.header.Height)
	if int64(len(pixels)) < (height-1)*stride+used {
		return fmt.Errorf("%w: the BMP's data ends before the picture does", raster.ErrTruncated)
	}
	rgb := make([]uint8, raster.Channels*p.header.Width)
	for y := range height {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !p.topDown {
			y = height - 1 - y
		}
		p.convert(rgb, pixels[y*stride:], bits)
		emit(rgb)
	}
	return nil
}

// convert makes RGB of a stored row.
func (p *Picture) convert(rgb, row []byte, bits int) {
	for x := range len(rgb) / raster.Channels {
		pixel := (*[raster.Channels]uint8)(rgb[raster.Channels*x:])
		switch bits {
		case 1, 4, 8:
			at := x * bits
			*pixel = p.palette[row[at/8]<<(at%8)>>(8-bits)]
		case 16:
			v := int(row[2*x]) | int(row[2*x+1])<<8
			green, most := v>>5&31, 31
			red := v >> 10 & 31
			if p.layout.bits565 {
				green, most, red = v>>5&63, 63, v>>11
			}
			pixel[0], pixel[1], pixel[2] = uint8(red*255/31), uint8(green*255/most), uint8(v&31*255/31)
		default:
			in := row[bits/8*x:]
			pixel[0], pixel[1], pixel[2] = in[p.layout.red], in[p.layout.green], in[p.layout.blue]
		}
	}
}
