// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package webp decodes still WebP pictures to the very pixels that libwebp makes of them. The two codecs are those of
// golang.org/x/image; its package webp is not used, because it reads the limited range of VP8's colors as JPEG's full one
// and knows nothing of EXIF. Transparency is left out.
package webp

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"

	"github.com/trainyard-dev/trainyard/internal/preprocess/exif"
	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// Magic begins every WebP file; '?' stands for any byte.
const Magic = "RIFF????WEBP"

// Flags of a VP8X chunk.
const (
	flagAnimation = 1 << 1
	flagXMP       = 1 << 2
	flagEXIF      = 1 << 3
)

const (
	chunkHeadLen = 8
	riffHeadLen  = 12
)

// Picture is a WebP picture whose header has been read.
type Picture struct {
	header   raster.Header
	data     []byte // of the one codec's chunk
	lossless bool
}

// container is what the chunks of a file are.
type container struct {
	extended                  bool
	flags                     byte
	canvasWidth, canvasHeight int
	picture                   []byte
	lossless                  bool
	metadata                  exif.Metadata
}

// Open reads the container and the codec's header. Errors wrap raster's.
func Open(data []byte) (*Picture, error) {
	c, err := readContainer(data)
	if err != nil {
		return nil, err
	}
	if c.picture == nil {
		return nil, fmt.Errorf("%w: WebP without a picture", raster.ErrCorrupt)
	}
	p := &Picture{data: c.picture, lossless: c.lossless}
	if err := p.readHeader(); err != nil {
		return nil, err
	}
	if c.extended && (c.canvasWidth != p.header.Width || c.canvasHeight != p.header.Height) {
		return nil, fmt.Errorf("%w: WebP of %d×%d pixels with a picture of %d×%d",
			raster.ErrCorrupt, c.canvasWidth, c.canvasHeight, p.header.Width, p.header.Height)
	}
	p.header.Orientation = c.metadata.Orientation()
	p.header.MemoryBytes = p.memory()
	return p, nil
}

// readContainer walks over the chunks.
func readContainer(data []byte) (c container, err error) {
	truncated := fmt.Errorf("%w: the WebP ends before its last chunk does", raster.ErrTruncated)
	if len(data) < riffHeadLen {
		return c, truncated
	}
	size := int64(binary.LittleEndian.Uint32(data[4:])) + chunkHeadLen
	if size > int64(len(data)) {
		return c, truncated
	}
	data = data[riffHeadLen:max(size, riffHeadLen)]
	for len(data) >= chunkHeadLen {
		kind, length := string(data[:4]), int64(binary.LittleEndian.Uint32(data[4:]))
		data = data[chunkHeadLen:]
		if length > int64(len(data)) {
			return c, truncated
		}
		if err := c.add(kind, data[:length]); err != nil {
			return c, err
		}
		data = data[min(length+length&1, int64(len(data))):]
	}
	return c, nil
}

// add takes one chunk.
func (c *container) add(kind string, body []byte) error {
	switch kind {
	case "VP8X":
		const length = 10
		if len(body) < length {
			return fmt.Errorf("%w: WebP header of %d bytes", raster.ErrCorrupt, len(body))
		}
		c.extended, c.flags = true, body[0]
		c.canvasWidth = 1 + int(binary.LittleEndian.Uint32(body[3:])>>8)
		c.canvasHeight = 1 + int(binary.LittleEndian.Uint32(body[6:])>>8)
		if c.flags&flagAnimation != 0 {
			return fmt.Errorf("%w: animated WebP: send a still picture", raster.ErrUnsupported)
		}
	case "VP8 ", "VP8L":
		if c.picture == nil {
			c.picture, c.lossless = body, kind == "VP8L"
		}
	case "EXIF":
		if c.flags&flagEXIF != 0 && !c.metadata.HasEXIF() {
			c.metadata.SetEXIF(body)
		}
	case "XMP ":
		if c.flags&flagXMP != 0 {
			c.metadata.SetXMP(body)
		}
	}
	return nil
}

// readHeader reads the codec's header.
func (p *Picture) readHeader() error {
	if p.lossless {
		config, err := vp8l.DecodeConfig(bytes.NewReader(p.data))
		if err != nil {
			return codecError(err)
		}
		p.header.Width, p.header.Height = config.Width, config.Height
		return nil
	}
	decoder := vp8.NewDecoder()
	decoder.Init(bytes.NewReader(p.data), len(p.data))
	header, err := decoder.DecodeFrameHeader()
	if err != nil {
		return codecError(err)
	}
	if !header.KeyFrame || header.Width == 0 || header.Height == 0 {
		return fmt.Errorf("%w: WebP without a key frame", raster.ErrCorrupt)
	}
	p.header.Width, p.header.Height = header.Width, header.Height
	return nil
}

// memory bounds what Rows takes in bytes.
func (p *Picture) memory() int64 {
	width, height := int64(p.header.Width), int64(p.header.Height)
	if p.lossless {
		return losslessMemory(width, height, int64(len(p.data)))
	}
	// A byte a pixel of luma and half of one of colors, in whole macroblocks, each with its filter's parameters; and
	// copies of the coded data, of which the first part is as long as it says.
	const macroblock, perMacroblock, firstPartition = 16, 16*16*3/2 + 16, 1 << 19
	return (width+macroblock-1)/macroblock*((height+macroblock-1)/macroblock)*perMacroblock + 2*int64(len(p.data)) + firstPartition + 256<<10
}

// losslessMemory: four bytes a pixel, the sub-pictures of transforms and codes at a sixteenth of it each, and the codes, of
// which vp8l takes up to 2,600 groups of five. Codes are bounded by their alphabets, and by the file: a symbol takes at
// least a bit there and two nodes of 8 bytes here, beside each code's table.
func losslessMemory(width, height, encoded int64) int64 {
	const (
		maxGroups      = 2600
		tables         = 5 * (512 + 48)
		symbols        = 256 + 24 + 2048 + 3*256 + 40
		bytesPerSymbol = 2 * 8
	)
	tiles := ((width + 3) / 4) * ((height + 3) / 4)
	groups := min(tiles, maxGroups)
	codes := groups*tables + bytesPerSymbol*min(groups*symbols, 8*encoded)
	return 4*width*height + 4*4*tiles + codes + 1<<20
}

// Header is what Open has read.
func (p *Picture) Header() raster.Header { return p.header }
