// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gif decodes the first picture of a GIF file to the very pixels that Pillow makes of it. The codec is the standard
// library's; its package image/gif is not used, because it loses the color below transparency, holds the whole picture, and
// refuses files that Pillow and browsers show. Transparency is left out.
package gif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/preprocess/exif"
	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// Magic begins every GIF file; '?' stands for any byte.
const Magic = "GIF8?a"

// What blocks begin with, and the labels of extensions.
const (
	blockExtension = '!'
	blockPicture   = ','
	blockTrailer   = ';'

	labelControl     = 0xf9
	labelComment     = 0xfe
	labelApplication = 0xff

	// loops is the application that says how often an animation is shown.
	loops = "NETSCAPE2.0"
)

const (
	screenLen     = 13
	descriptorLen = 9

	flagPalette    = 1 << 7
	flagInterlaced = 1 << 6
	paletteBits    = 7

	controlLen      = 4
	flagTransparent = 1
)

// Picture is the first picture of a GIF whose header has been read.
type Picture struct {
	header  raster.Header
	palette palette
	// left, top, width and height are the part of the screen that the picture covers; the rest shows the color of background.
	left, top, width, height int
	background               uint8
	interlaced               bool
	codeSize                 int
	data                     []byte // in blocks, and what follows them
}

// palette has a color for every index. A file without colors has all grays, and one with fewer than 256 has black behind them.
type palette [256][raster.Channels]uint8

func grays() (p palette) {
	for i := range p {
		p[i] = [raster.Channels]uint8{uint8(i), uint8(i), uint8(i)}
	}
	return p
}

// Open reads everything before the first picture's data. Errors wrap raster's.
func Open(data []byte) (*Picture, error) {
	if len(data) < screenLen {
		return nil, fmt.Errorf("%w: in the GIF header", raster.ErrTruncated)
	}
	if version := data[4]; version != '7' && version != '9' {
		return nil, fmt.Errorf("%w: GIF of version 8%c: save it as GIF89a", raster.ErrUnsupported, version)
	}
	p := &Picture{palette: grays()}
	p.header.Width, p.header.Height = int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
	p.header.Orientation = exif.Upright
	at, err := p.readPalette(data, screenLen, data[screenLen-3])
	if err != nil {
		return nil, err
	}
	if at, err = p.skipExtensions(data, at); err != nil {
		return nil, err
	}
	if err := p.readDescriptor(data, at); err != nil {
		return nil, err
	}
	p.header.MemoryBytes = p.memory()
	return p, nil
}

// readPalette reads the colors that stand at the offset, if the flags say that there are any, and returns where they end.
//
// The first grays, which are what an index stands for without a palette, leave an earlier palette as it is, as in Pillow.
func (p *Picture) readPalette(data []byte, at int, flags byte) (end int, err error) {
	if flags&flagPalette == 0 {
		return at, nil
	}
	count := 2 << (flags & paletteBits)
	end = at + raster.Channels*count
	if end > len(data) {
		return 0, fmt.Errorf("%w: in the GIF's palette", raster.ErrTruncated)
	}
	read, plain := palette{}, grays()
	for i := range count {
		copy(read[i][:], data[at+raster.Channels*i:])
	}
	if !slices.Equal(read[:count], plain[:count]) {
		p.palette = read
	}
	return end, nil
}

// skipExtensions takes the transparent index from the extensions before the first picture, and returns where its descriptor is.
// What is none of a GIF's blocks is skipped, as in Pillow.
func (p *Picture) skipExtensions(data []byte, at int) (int, error) {
	for ; at < len(data); at++ {
		switch data[at] {
		case blockPicture:
			return at + 1, nil
		case blockTrailer:
			return 0, fmt.Errorf("%w: GIF without a picture", raster.ErrCorrupt)
		case blockExtension:
			end, err := p.readExtension(data, at+1)
			if err != nil {
				return 0, err
			}
			at = end - 1
		}
	}
	return 0, fmt.Errorf("%w: the GIF ends before its first picture", raster.ErrTruncated)
}

// errInExtension is made once, as a file may have millions of extensions.
var errInExtension = fmt.Errorf("%w: in a GIF's extension", raster.ErrTruncated)

// readExtension reads the extension whose label stands at the offset, and returns where it ends.
func (p *Picture) readExtension(data []byte, at int) (end int, err error) {
	if at >= len(data) {
		return 0, errInExtension
	}
	label, first, blocks := data[at], []byte(nil), 0
	at++
	for {
		if at >= len(data) {
			return 0, errInExtension
		}
		length := int(data[at])
		at++
		if length == 0 {
			break
		}
		if at+length > len(data) {
			return 0, errInExtension
		}
		if blocks == 0 {
			first = data[at : at+length]
		}
		at += length
		blocks++
	}
	if blocks == 0 && label != labelComment || blocks == 1 && label == labelApplication && bytes.HasPrefix(first, []byte(loops)) {
		return 0, fmt.Errorf("%w: GIF with an empty extension", raster.ErrCorrupt) // behind which Pillow sees other blocks
	}
	return at, p.readControl(label, first)
}

// readControl takes the transparent index from a graphic control extension. Where no pixels are stored, that is the color.
func (p *Picture) readControl(label byte, body []byte) error {
	if label != labelControl {
		return nil
	}
	if len(body) < controlLen {
		return fmt.Errorf("%w: GIF with a graphic control of %d bytes", raster.ErrCorrupt, len(body))
	}
	if body[0]&flagTransparent != 0 {
		p.background = body[controlLen-1]
	}
	return nil
}

// readDescriptor reads the picture's place and colors. A picture that reaches beyond the screen widens it, as in Pillow.
func (p *Picture) readDescriptor(data []byte, at int) error {
	if at+descriptorLen > len(data) {
		return fmt.Errorf("%w: in the descriptor of the GIF's picture", raster.ErrTruncated)
	}
	number := func(offset int) int { return int(binary.LittleEndian.Uint16(data[at+offset:])) }
	p.left, p.top, p.width, p.height = number(0), number(2), number(4), number(6)
	if p.width == 0 || p.height == 0 {
		return fmt.Errorf("%w: GIF with a picture of %d×%d pixels", raster.ErrCorrupt, p.width, p.height)
	}
	p.header.Width, p.header.Height = max(p.header.Width, p.left+p.width), max(p.header.Height, p.top+p.height)
	flags := data[at+descriptorLen-1]
	p.interlaced = flags&flagInterlaced != 0
	at, err := p.readPalette(data, at+descriptorLen, flags)
	if err != nil {
		return err
	}
	if at >= len(data) {
		return fmt.Errorf("%w: the GIF ends before its pixels", raster.ErrTruncated)
	}
	const minCodeSize, maxCodeSize = 2, 8
	if p.codeSize = int(data[at]); p.codeSize < minCodeSize || p.codeSize > maxCodeSize {
		return fmt.Errorf("%w: GIF with codes of %d bits, where %d to %d are allowed", raster.ErrUnsupported, p.codeSize, minCodeSize, maxCodeSize)
	}
	p.data = data[at+1:]
	return nil
}

// memory bounds what Rows takes in bytes: the codec's tables, rows of indices and of colors, and of an interlaced picture, whose
// rows come in another order, all of its indices.
func (p *Picture) memory() int64 {
	const codec = 64 << 10
	indices := int64(p.width)
	if p.interlaced {
		indices *= int64(p.height)
	}
	return codec + indices + raster.Channels*int64(p.header.Width)
}

// Header is what Open has read.
func (p *Picture) Header() raster.Header { return p.header }
