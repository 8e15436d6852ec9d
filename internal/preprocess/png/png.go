// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package png decodes PNG pictures (ISO/IEC 15948) row by row. Only interlaced ones take memory for the whole picture.
//
// It shows what Pillow's convert("RGB") shows: transparency, color profiles and gamma are left out, of 16 bits the upper
// 8 count. Of an animated PNG it shows the picture that every decoder shows. Pictures of 16-bit gray are refused: Pillow
// cuts their values off at 255, which makes most of them white.
package png

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/trainyard-dev/trainyard/internal/preprocess/exif"
	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// Magic begins every PNG file.
const Magic = "\x89PNG\r\n\x1a\n"

// Color types (table 11.1).
const (
	colorGray      = 0
	colorRGB       = 2
	colorPalette   = 3
	colorGrayAlpha = 4
	colorRGBA      = 6
)

// channels is the number of channels of a color type, 0 for none.
var channels = [7]int{colorGray: 1, colorRGB: 3, colorPalette: 1, colorGrayAlpha: 2, colorRGBA: 4}

// Picture is a PNG picture whose header has been read.
type Picture struct {
	header     raster.Header
	colorType  uint8
	depth      int
	interlaced bool
	palette    [256][raster.Channels]uint8
	data       []byte // from the first IDAT chunk on
}

// chunk is the content of a chunk, and its checksum if the file doesn't end before. cut says that it ends within the
// content.
type chunk struct {
	kind   string
	body   []byte
	cut    bool
	sum    uint32
	hasSum bool
}

func (c chunk) check() error {
	if c.hasSum && crc32.Update(crc32.ChecksumIEEE([]byte(c.kind)), crc32.IEEETable, c.body) != c.sum {
		return fmt.Errorf("%w: PNG chunk %s does not match its checksum", raster.ErrCorrupt, c.kind)
	}
	return nil
}

// nextChunk cuts a chunk off data. Of one that is cut off it returns what is there; ok is false if that is no chunk.
func nextChunk(data []byte) (c chunk, rest []byte, ok bool) {
	const head, sumLen = 8, 4
	if len(data) < head {
		return chunk{}, nil, false
	}
	length := int64(binary.BigEndian.Uint32(data))
	c.kind, data = string(data[4:head]), data[head:]
	if length > int64(len(data)) {
		c.body, c.cut = data, true
		return c, nil, true
	}
	c.body, data = data[:length], data[length:]
	if len(data) >= sumLen {
		c.sum, c.hasSum = binary.BigEndian.Uint32(data), true
		data = data[sumLen:]
	} else {
		data = nil
	}
	return c, data, true
}

// Open reads all chunks of a PNG file except its pixels. Errors wrap raster's.
func Open(data []byte) (*Picture, error) {
	p := &Picture{}
	header, rest, ok := nextChunk(data[len(Magic):])
	if !ok || !header.hasSum {
		return nil, fmt.Errorf("%w: in the PNG header", raster.ErrTruncated)
	}
	if header.kind == "CgBI" {
		return nil, fmt.Errorf("%w: PNG as Xcode writes it for iPhones (CgBI): save it as a plain PNG", raster.ErrUnsupported)
	}
	if header.kind != "IHDR" {
		return nil, fmt.Errorf("%w: PNG that begins with chunk %q", raster.ErrCorrupt, header.kind)
	}
	if err := header.check(); err != nil {
		return nil, err
	}
	if err := p.readHeader(header.body); err != nil {
		return nil, err
	}
	metadata, hasPalette, err := p.readChunks(rest)
	if err != nil {
		return nil, err
	}
	if p.colorType == colorPalette && !hasPalette {
		return nil, fmt.Errorf("%w: PNG without its palette", raster.ErrCorrupt)
	}
	p.header.Orientation = metadata.Orientation()
	p.header.MemoryBytes = p.memory()
	return p, nil
}

// readChunks takes what it knows of the chunks behind the header.
func (p *Picture) readChunks(data []byte) (metadata exif.Metadata, hasPalette bool, err error) {
	var texts metadataTexts
	for {
		c, rest, ok := nextChunk(data)
		if !ok {
			break
		}
		switch c.kind {
		case "IDAT":
			if p.data == nil {
				p.data = data
			}
		case "PLTE":
			if err := c.check(); err != nil {
				return metadata, false, err
			}
			hasPalette = true
			for i := range min(len(c.body)/raster.Channels, len(p.palette)) {
				copy(p.palette[i][:], c.body[raster.Channels*i:])
			}
		case "eXIf":
			metadata.SetEXIF(c.body)
		case "tEXt", "zTXt", "iTXt":
			texts.keep(c)
		case "IEND":
			rest = nil
		}
		data = rest
	}
	texts.addTo(&metadata)
	return metadata, hasPalette, nil
}

// readHeader reads IHDR (11.2.2).
func (p *Picture) readHeader(body []byte) error {
	const length = 13
	if len(body) != length {
		return fmt.Errorf("%w: PNG header of %d bytes", raster.ErrCorrupt, len(body))
	}
	width, height := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if width == 0 || height == 0 || width > 1<<31-1 || height > 1<<31-1 {
		return fmt.Errorf("%w: PNG of %d×%d pixels", raster.ErrCorrupt, width, height)
	}
	p.header.Width, p.header.Height = int(width), int(height)
	p.depth, p.colorType, p.interlaced = int(body[8]), body[9], body[12] == 1
	if !validDepth(p.colorType, p.depth) || body[10] != 0 || body[11] != 0 || body[12] > 1 {
		return fmt.Errorf("%w: PNG with color type %d, depth %d, compression %d, filter %d, interlace %d",
			raster.ErrCorrupt, p.colorType, p.depth, body[10], body[11], body[12])
	}
	if p.colorType == colorGray && p.depth == 16 {
		return fmt.Errorf("%w: PNG with 16-bit gray: save it with 8 bits", raster.ErrUnsupported)
	}
	return nil
}

func validDepth(colorType uint8, depth int) bool {
	switch depth {
	case 1, 2, 4:
		return colorType == colorGray || colorType == colorPalette
	case 8:
		return int(colorType) < len(channels) && channels[colorType] > 0
	case 16:
		return int(colorType) < len(channels) && channels[colorType] > 0 && colorType != colorPalette
	}
	return false
}

// bitsPerPixel of the stored picture.
func (p *Picture) bitsPerPixel() int { return channels[p.colorType] * p.depth }

// memory bounds what Rows takes in bytes.
func (p *Picture) memory() int64 {
	const inflating = 128 << 10
	width := int64(p.header.Width)
	total := inflating + 2*(width*int64(p.bitsPerPixel())/8+16) + raster.Channels*width
	if p.interlaced {
		total += raster.Channels * width * int64(p.header.Height)
	}
	return total
}

// Header is what Open has read.
func (p *Picture) Header() raster.Header { return p.header }
