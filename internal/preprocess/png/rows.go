// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package png

import (
	"bufio"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

var errCut = fmt.Errorf("%w: the PNG's data ends before the picture does", raster.ErrTruncated)

// pixelData reads the content of all IDAT chunks one after the other.
type pixelData struct {
	rest []byte // what follows the current chunk
	body []byte // of the current chunk, as far as it has not been read
	cut  bool
}

func (d *pixelData) Read(b []byte) (int, error) {
	for len(d.body) == 0 {
		if d.cut {
			return 0, errCut
		}
		c, rest, ok := nextChunk(d.rest)
		if !ok || c.kind == "IEND" {
			return 0, io.EOF
		}
		d.rest = rest
		if c.kind != "IDAT" {
			continue
		}
		if err := c.check(); err != nil {
			return 0, err
		}
		d.body, d.cut = c.body, c.cut
	}
	n := copy(b, d.body)
	d.body = d.body[n:]
	return n, nil
}

// pass is one of the reduced pictures of an interlaced one: its pixels lie every dx columns from x on, and so on.
type pass struct{ x, y, dx, dy int }

var (
	wholePicture = []pass{{0, 0, 1, 1}}
	adam7        = []pass{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} // 8.2
)

// Rows decodes the picture; see raster.Picture.
func (p *Picture) Rows(ctx context.Context, emit func(row []uint8)) error {
	inflated, err := zlib.NewReader(bufio.NewReader(&pixelData{rest: p.data}))
	if err != nil {
		return readError(err)
	}
	passes := wholePicture
	var picture []uint8
	if p.interlaced {
		passes = adam7
		picture = make([]uint8, raster.Channels*p.header.Width*p.header.Height)
	}
	for _, s := range passes {
		if err := p.pass(ctx, inflated, s, picture, emit); err != nil {
			return err
		}
	}
	if err := atEnd(inflated); err != nil {
		return err
	}
	stride := raster.Channels * p.header.Width
	for ; len(picture) > 0; picture = picture[stride:] {
		emit(picture[:stride])
	}
	return nil
}

// pass reads one pass and emits its rows, or writes its pixels to where they belong in picture.
func (p *Picture) pass(ctx context.Context, inflated io.Reader, s pass, picture []uint8, emit func([]uint8)) error {
	var (
		width  = (p.header.Width - s.x + s.dx - 1) / s.dx
		height = (p.header.Height - s.y + s.dy - 1) / s.dy
	)
	if width <= 0 || height <= 0 {
		return nil
	}
	var (
		bits    = p.bitsPerPixel()
		current = make([]uint8, 1+(width*bits+7)/8)
		above   = make([]uint8, len(current))
		rgb     = make([]uint8, raster.Channels*width)
	)
	for y := range height {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, err := io.ReadFull(inflated, current); err != nil {
			return readError(err)
		}
		if !unfilter(current[0], current[1:], above[1:], max(bits/8, 1)) {
			return fmt.Errorf("%w: PNG filter %d", raster.ErrCorrupt, current[0])
		}
		p.convert(rgb, current[1:])
		if picture == nil {
			emit(rgb)
		} else {
			row := picture[raster.Channels*p.header.Width*(s.y+y*s.dy):]
			for x := range width {
				copy(row[raster.Channels*(s.x+x*s.dx):][:raster.Channels], rgb[raster.Channels*x:])
			}
		}
		current, above = above, current
	}
	return nil
}

// atEnd checks the data's own checksum, and that the file isn't cut off just there. More data than there are pixels is left
// alone, as by others.
func atEnd(inflated io.Reader) error {
	_, err := inflated.Read(make([]byte, 1))
	if errors.Is(err, zlib.ErrChecksum) || errors.Is(err, errCut) {
		return readError(err)
	}
	return nil
}

func readError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errCut
	case errors.Is(err, errCut), errors.Is(err, raster.ErrCorrupt):
		return err
	default:
		return fmt.Errorf("%w: PNG data: %w", raster.ErrCorrupt, err)
	}
}

// unfilter takes the filter off a row (9.2), given the row above and the distance of pixels in bytes.
func unfilter(filter uint8, row, above []uint8, distance int) bool {
	above = above[:len(row)]
	switch filter {
	case 0:
	case 1:
		for i := distance; i < len(row); i++ {
			row[i] += row[i-distance]
		}
	case 2:
		for i, v := range above {
			row[i] += v
		}
	case 3:
		for i := range min(distance, len(row)) {
			row[i] += above[i] / 2
		}
		for i := distance; i < len(row); i++ {
			row[i] += uint8((int(row[i-distance]) + int(above[i])) / 2)
		}
	case 4:
		paeth(row, above, distance)
	default:
		return false
	}
	return true
}

// paeth takes off filter 4: each byte is predicted by that of its left, upper and upper left neighbors which is nearest
// to left + upper - upper left.
func paeth(row, above []uint8, distance int) {
	for channel := range distance {
		var left, upperLeft int32
		for i := channel; i < len(row); i += distance {
			upper := int32(above[i])
			toLeft, toUpper := upper-upperLeft, left-upperLeft
			toUpperLeft := absolute(toLeft + toUpper)
			toLeft, toUpper = absolute(toLeft), absolute(toUpper)
			predicted := upperLeft
			if toLeft <= toUpper && toLeft <= toUpperLeft {
				predicted = left
			} else if toUpper <= toUpperLeft {
				predicted = upper
			}
			left = (predicted + int32(row[i])) & 0xff
			row[i] = uint8(left)
			upperLeft = upper
		}
	}
}

func absolute(v int32) int32 {
	mask := v >> 31
	return (v ^ mask) - mask
}

// convert makes RGB of a row of stored pixels.
func (p *Picture) convert(rgb, row []uint8) {
	switch p.colorType {
	case colorRGB, colorRGBA:
		bytesEach := p.depth / 8
		step := channels[p.colorType] * bytesEach
		if step == raster.Channels {
			copy(rgb, row)
			return
		}
		for x := range len(rgb) / raster.Channels {
			pixel, in := (*[raster.Channels]uint8)(rgb[raster.Channels*x:]), row[step*x:]
			pixel[0], pixel[1], pixel[2] = in[0], in[bytesEach], in[2*bytesEach]
		}
	case colorGrayAlpha:
		step := p.bitsPerPixel() / 8
		for x := range len(rgb) / raster.Channels {
			fill(rgb, x, row[step*x])
		}
	case colorGray:
		scale := uint8(255 / (1<<p.depth - 1))
		for x := range len(rgb) / raster.Channels {
			fill(rgb, x, scale*sample(row, x, p.depth))
		}
	case colorPalette:
		for x := range len(rgb) / raster.Channels {
			copy(rgb[raster.Channels*x:][:raster.Channels], p.palette[sample(row, x, p.depth)][:])
		}
	}
}

func fill(rgb []uint8, x int, gray uint8) {
	pixel := (*[raster.Channels]uint8)(rgb[raster.Channels*x:])
	pixel[0], pixel[1], pixel[2] = gray, gray, gray
}

// sample is value x of a row of values of 1, 2, 4 or 8 bits, packed from the top.
func sample(row []uint8, x, depth int) uint8 {
	at := x * depth
	return row[at/8] << (at % 8) >> (8 - depth)
}
