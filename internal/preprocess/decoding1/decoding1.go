// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package decoding1 makes of pictures what Trainyard made of them before it followed Pillow: what Go's own decoders make,
// with transparency laid over white. Models that were published then recorded answers for such pictures, and are held to
// them. Nothing else is decoded this way.
package decoding1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"github.com/trainyard-dev/trainyard/internal/preprocess/exif"
	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// codec is one of Go's decoders. Errors of their own kinds are corrupt pictures here, as far as they are no early end.
type codec struct {
	decode       func(io.Reader) (image.Image, error)
	decodeConfig func(io.Reader) (image.Config, error)
	orientation  func([]byte) int
}

// Picture is a picture whose header has been read.
type Picture struct {
	header raster.Header
	codec  codec
	data   []byte
}

// Open functions read the header of a file of one format. Errors wrap raster's.
var (
	OpenJPEG = opener(codec{jpeg.Decode, jpeg.DecodeConfig, exif.OfJPEG})
	OpenPNG  = opener(codec{png.Decode, png.DecodeConfig, upright})
	OpenWebP = opener(codec{webp.Decode, webp.DecodeConfig, upright})
	OpenBMP  = opener(codec{bmp.Decode, bmp.DecodeConfig, upright})
)

func upright([]byte) int { return exif.Upright }

func opener(c codec) func([]byte) (raster.Picture, error) {
	return func(data []byte) (raster.Picture, error) {
		config, err := c.decodeConfig(bytes.NewReader(data))
		if err != nil {
			return nil, decodeError(err)
		}
		if config.Width <= 0 || config.Height <= 0 {
			return nil, fmt.Errorf("%w: %d×%d pixels", raster.ErrCorrupt, config.Width, config.Height)
		}
		// The coefficients of a progressive JPEG of four colors take most.
		const perPixel, fixed = 4*4 + 4, 1 << 20
		return &Picture{codec: c, data: data, header: raster.Header{
			Width: config.Width, Height: config.Height, Orientation: c.orientation(data),
			MemoryBytes: perPixel*(int64(config.Width)+32)*(int64(config.Height)+32) + 2*int64(len(data)) + fixed,
		}}, nil
	}
}

// Header is what was read of the file.
func (p *Picture) Header() raster.Header { return p.header }

// Rows decodes the picture; see raster.Picture.
func (p *Picture) Rows(ctx context.Context, emit func(row []uint8)) error {
	picture, err := p.codec.decode(bytes.NewReader(p.data))
	if err != nil {
		return decodeError(err)
	}
	bounds := picture.Bounds()
	if bounds.Dx() != p.header.Width || bounds.Dy() != p.header.Height {
		return fmt.Errorf("%w: %v in a picture of %d×%d pixels", raster.ErrCorrupt, bounds, p.header.Width, p.header.Height)
	}
	rgba := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), 1))
	row := make([]uint8, raster.Channels*bounds.Dx())
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		draw.Draw(rgba, rgba.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(rgba, rgba.Rect, picture, image.Pt(bounds.Min.X, y), draw.Over)
		for x := range bounds.Dx() {
			copy(row[raster.Channels*x:][:raster.Channels], rgba.Pix[4*x:])
		}
		emit(row)
	}
	return nil
}

func decodeError(err error) error {
	early := []error{io.EOF, io.ErrUnexpectedEOF}
	if slices.ContainsFunc(early, func(end error) bool { return errors.Is(err, end) }) {
		return fmt.Errorf("%w: %w", raster.ErrTruncated, err)
	}
	return fmt.Errorf("%w: %w", raster.ErrCorrupt, err)
}
