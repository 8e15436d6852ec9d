// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package jpeg decodes JPEG pictures (ITU-T T.81) to the very pixels that libjpeg-turbo, and so Pillow, makes of them: the
// same inverse transform in integers, the same smooth upsampling of colors, the same conversion to RGB.
//
// Baseline, extended and progressive pictures with Huffman coding and 8 bits are decoded, with any sampling factors where
// one is a multiple of the other, in gray, YCbCr, RGB, CMYK and YCCK. A picture in one scan is decoded row by row in
// memory for a few rows; one in several scans, every progressive one among them, needs memory for all coefficients.
package jpeg

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/preprocess/exif"
	"github.com/trainyard-dev/trainyard/internal/preprocess/kernels"
	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// Magic begins every JPEG file.
const Magic = "\xff\xd8"

// Markers (T.81, table B.1).
const (
	markerTEM   = 0x01
	markerSOF0  = 0xc0 // baseline
	markerSOF1  = 0xc1 // extended
	markerSOF2  = 0xc2 // progressive
	markerSOF3  = 0xc3 // lossless
	markerDHT   = 0xc4
	markerJPG   = 0xc8
	markerSOF9  = 0xc9 // with arithmetic coding from here on
	markerDAC   = 0xcc
	markerSOF15 = 0xcf
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP14 = 0xee
	markerSOF55 = 0xf7 // JPEG-LS (T.87)
)

const (
	blockSide     = kernels.BlockSide
	blockLen      = kernels.BlockLen
	maxComponents = 4
	maxTables     = 4
)

// component is one color channel of the frame.
type component struct {
	id         uint8
	h, v       int // sampling factors, 1 to 4
	quantTable int
	// width and height are in samples, as the picture's size and the factors make them, of which each block makes
	// size×size; blocksX and blocksY are in blocks that hold samples of the whole picture, mcuBlocksX and mcuBlocksY in blocks
	// with those that fill up the last MCU.
	width, height, size    int
	blocksX, blocksY       int
	mcuBlocksX, mcuBlocksY int

	quant [blockLen]int32 // taken at the component's first scan, in natural order
	// scanned says that a scan has held the component, and so that quant is set.
	scanned bool
	// coefficients of all blocks, in natural order, if the picture has several scans.
	coefficients []int16
	// missing is how many of the lowest bits of each coefficient, in zigzag order, no scan has held yet.
	missing [blockLen]uint8

	upsample upsampler
	samples  sampleRows
}

// frame is what the frame header (T.81, B.2.2) says.
type frame struct {
	progressive   bool
	width, height int // of the whole picture
	// side is how many of the pixels that Rows hands out a block of 8×8 makes each way: less than 8 if the picture is reduced.
	side         int
	components   []component
	maxH, maxV   int
	mcusX, mcusY int
}

// transform is how components become colors.
type transform int

const (
	transformGray transform = iota
	transformYCbCr
	transformRGB
	transformCMYK
	transformYCCK
)

// decoder reads one picture.
type decoder struct {
	data    []byte
	pos     int
	kernels *kernels.Set

	frame           frame
	hasFrame        bool
	quant           [maxTables][blockLen]uint16
	hasQuant        [maxTables]bool
	dc, ac          [maxTables]huffman
	restartInterval int

	metadata exif.Metadata
	jfif     bool
	adobe    int // the transform of Adobe's APP14 segment, or -1

	scan scan
	bits bitReader
}

// Picture is a JPEG picture whose header has been read.
type Picture struct {
	decoder decoder
	header  raster.Header
}

// Open reads the header of a JPEG file up to its first scan. Errors wrap raster's.
func Open(data []byte) (*Picture, error) {
	p := &Picture{decoder: decoder{data: data, pos: len(Magic), kernels: kernels.Chosen, adobe: -1}}
	d := &p.decoder
	for {
		marker, err := d.nextMarker()
		if err != nil {
			return nil, err
		}
		if marker == markerEOI {
			return nil, fmt.Errorf("%w: no picture between start and end", raster.ErrCorrupt)
		}
		if err := d.segment(marker); err != nil {
			return nil, err
		}
		if marker == markerSOS {
			break
		}
	}
	p.header = d.header()
	return p, nil
}

func (d *decoder) header() raster.Header {
	width, height := d.frame.size()
	return raster.Header{Width: width, Height: height, Orientation: d.metadata.Orientation(), MemoryBytes: d.memory()}
}

// Header is what Open has read.
func (p *Picture) Header() raster.Header { return p.header }

// buffered reports whether the coefficients of the whole picture must be kept: its scans hold parts of each block, or
// one color after another.
func (d *decoder) buffered() bool {
	return d.frame.progressive || len(d.scan.components) < len(d.frame.components)
}

// memory bounds what Rows takes in bytes.
func (d *decoder) memory() int64 {
	const fixed = int64(64 << 10)
	total := fixed
	width, _ := d.frame.size()
	for i := range d.frame.components {
		c := &d.frame.components[i]
		blocksX := int64(c.mcuBlocksX)
		if d.buffered() {
			total += 2 * blockLen * blocksX * int64(c.mcuBlocksY)
		}
		total += keptMCURows * int64(c.size*c.size*c.v) * blocksX // samples
		total += int64(width) + upsamplingSlack
	}
	return total + raster.Channels*int64(width)
}
