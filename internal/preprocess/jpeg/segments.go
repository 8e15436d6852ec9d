// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// nextMarker passes over fill bytes, and over what doesn't belong between segments, as every decoder does.
func (d *decoder) nextMarker() (byte, error) {
	for {
		i := bytes.IndexByte(d.data[d.pos:], 0xff)
		if i < 0 {
			d.pos = len(d.data)
			return 0, fmt.Errorf("%w: no end marker", raster.ErrTruncated)
		}
		d.pos += i
		for d.pos < len(d.data) && d.data[d.pos] == 0xff {
			d.pos++
		}
		if d.pos == len(d.data) {
			return 0, fmt.Errorf("%w: no end marker", raster.ErrTruncated)
		}
		marker := d.data[d.pos]
		d.pos++
		if marker != 0 {
			return marker, nil
		}
	}
}

// segment reads the segment that follows a marker.
func (d *decoder) segment(marker byte) error {
	switch {
	case marker == markerTEM, marker == markerSOI, markerRST0 <= marker && marker <= markerRST7:
		return nil // markers without a segment
	case len(d.data)-d.pos < 2:
		return fmt.Errorf("%w: in the header", raster.ErrTruncated)
	}
	length := int(binary.BigEndian.Uint16(d.data[d.pos:]))
	if length < 2 {
		return fmt.Errorf("%w: segment ff%02x of length %d", raster.ErrCorrupt, marker, length)
	}
	if len(d.data)-d.pos < length {
		return fmt.Errorf("%w: in segment ff%02x", raster.ErrTruncated, marker)
	}
	body := d.data[d.pos+2 : d.pos+length]
	d.pos += length
	switch {
	case marker == markerDHT:
		return d.huffmanTables(body)
	case marker == markerDQT:
		return d.quantTables(body)
	case marker == markerDRI:
		if len(body) < 2 {
			return fmt.Errorf("%w: restart interval of %d bytes", raster.ErrCorrupt, len(body))
		}
		d.restartInterval = int(binary.BigEndian.Uint16(body))
	case marker == markerSOS:
		return d.startScan(body)
	case marker == markerSOF0, marker == markerSOF1, marker == markerSOF2:
		d.frame.progressive = marker == markerSOF2
		return d.startFrame(body)
	case markerSOF3 <= marker && marker <= markerSOF15 && marker != markerJPG && marker != markerDAC:
		return unsupportedFrame(marker)
	case marker == markerSOF55:
		return unsupportedFrame(marker)
	case marker == markerAPP0:
		d.jfif = d.jfif || bytes.HasPrefix(body, []byte("JFIF\x00"))
	case marker == markerAPP1:
		d.metadata.AddJPEGSegment(body)
	case marker == markerAPP14:
		const transformAt = 11
		if bytes.HasPrefix(body, []byte("Adobe")) && len(body) > transformAt {
			d.adobe = int(body[transformAt])
		}
	}
	return nil
}

// unsupportedFrame names a process that is not decoded here.
func unsupportedFrame(marker byte) error {
	process := "hierarchical coding"
	switch marker {
	case markerSOF3, markerSOF9 + 2:
		process = "lossless coding"
	case markerSOF9, markerSOF9 + 1:
		process = "arithmetic coding"
	case markerSOF55:
		process = "JPEG-LS coding"
	}
	return fmt.Errorf("%w: JPEG with %s: save it as a baseline or progressive JPEG", raster.ErrUnsupported, process)
}

func (d *decoder) quantTables(body []byte) error {
	for len(body) > 0 {
		precision, id := body[0]>>4, body[0]&15
		bytesEach := 1 + int(precision)
		if precision > 1 || id >= maxTables || len(body) < 1+blockLen*bytesEach {
			return fmt.Errorf("%w: quantization table %d", raster.ErrCorrupt, id)
		}
		for i := range blockLen {
			if precision == 0 {
				d.quant[id][zigzag[i]] = uint16(body[1+i])
			} else {
				d.quant[id][zigzag[i]] = binary.BigEndian.Uint16(body[1+2*i:])
			}
		}
		d.hasQuant[id] = true
		body = body[1+blockLen*bytesEach:]
	}
	return nil
}

// startFrame reads a frame header (T.81, B.2.2).
func (d *decoder) startFrame(body []byte) error {
	const headerLen, componentLen = 6, 3
	if d.hasFrame {
		return fmt.Errorf("%w: a second frame header", raster.ErrCorrupt)
	}
	if len(body) < headerLen || len(body) < headerLen+componentLen*int(body[5]) {
		return fmt.Errorf("%w: frame header of %d bytes", raster.ErrCorrupt, len(body))
	}
	f := &d.frame
	f.height, f.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	n := int(body[5])
	switch {
	case body[0] != 8:
		return fmt.Errorf("%w: JPEG with %d bits a channel: save it with 8 bits", raster.ErrUnsupported, body[0])
	case f.height == 0:
		return fmt.Errorf("%w: JPEG whose height follows its first scan (DNL): save it as a baseline JPEG", raster.ErrUnsupported)
	case f.width == 0:
		return fmt.Errorf("%w: JPEG of width 0", raster.ErrCorrupt)
	case n != 1 && n != 3 && n != 4:
		return fmt.Errorf("%w: JPEG with %d channels: save it with 1, 3 or 4", raster.ErrUnsupported, n)
	}
	f.components = make([]component, n)
	for i := range f.components {
		b := body[headerLen+componentLen*i:]
		c := component{id: b[0], h: int(b[1] >> 4), v: int(b[1] & 15), quantTable: int(b[2])}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.quantTable >= maxTables {
			return fmt.Errorf("%w: channel %d has sampling factors %dx%d and quantization table %d", raster.ErrCorrupt, i+1, c.h, c.v, c.quantTable)
		}
		f.components[i] = c
	}
	d.hasFrame = true
	return f.layout()
}

// layout computes sizes in samples and blocks, and how each component is brought to the picture's size.
func (f *frame) layout() error {
	if len(f.components) == 1 {
		f.components[0].h, f.components[0].v = 1, 1 // nothing to be in proportion to
	}
	for _, c := range f.components {
		f.maxH, f.maxV = max(f.maxH, c.h), max(f.maxV, c.v)
	}
	f.mcusX, f.mcusY = ceilDiv(f.width, blockSide*f.maxH), ceilDiv(f.height, blockSide*f.maxV)
	for i := range f.components {
		c := &f.components[i]
		if f.maxH%c.h != 0 || f.maxV%c.v != 0 {
			return fmt.Errorf("%w: JPEG with sampling factors %dx%d beside %dx%d: save it with the usual 4:2:0 or 4:4:4",
				raster.ErrUnsupported, c.h, c.v, f.maxH, f.maxV)
		}
		width, height := ceilDiv(f.width*c.h, f.maxH), ceilDiv(f.height*c.v, f.maxV)
		c.blocksX, c.blocksY = ceilDiv(width, blockSide), ceilDiv(height, blockSide)
		c.mcuBlocksX, c.mcuBlocksY = f.mcusX*c.h, f.mcusY*c.v
	}
	f.reduce(blockSide) // not at all
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// colors finds out what the components are, by the rules of libjpeg.
func (d *decoder) colors() transform {
	ids := func(want string) bool {
		for i, c := range d.frame.components {
			if c.id != want[i] {
				return false
			}
		}
		return true
	}
	switch len(d.frame.components) {
	case 1:
		return transformGray
	case 3:
		switch {
		case d.jfif:
			return transformYCbCr
		case d.adobe >= 0:
			if d.adobe == 0 {
				return transformRGB
			}
			return transformYCbCr
		case ids("RGB"):
			return transformRGB
		}
		return transformYCbCr
	default:
		if d.adobe > 0 {
			return transformYCCK
		}
		return transformCMYK
	}
}
