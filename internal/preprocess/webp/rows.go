// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package webp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"

	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// Rows decodes the picture; see raster.Picture.
func (p *Picture) Rows(ctx context.Context, emit func(row []uint8)) error {
	in := &contextReader{ctx: ctx, r: bytes.NewReader(p.data)}
	var rows func(ctx context.Context, emit func([]uint8)) error
	if p.lossless {
		picture, err := vp8l.Decode(in)
		if err != nil {
			return decodeError(ctx, err)
		}
		rows = func(ctx context.Context, emit func([]uint8)) error { return losslessRows(ctx, picture, emit) }
	} else {
		decoder := vp8.NewDecoder()
		decoder.Init(in, len(p.data))
		if _, err := decoder.DecodeFrameHeader(); err != nil {
			return decodeError(ctx, err)
		}
		picture, err := decoder.DecodeFrame()
		if err != nil {
			return decodeError(ctx, err)
		}
		rows = func(ctx context.Context, emit func([]uint8)) error { return lossyRows(ctx, picture, emit) }
	}
	return rows(ctx, emit)
}

// decodeError is the context's error, if it has ended.
func decodeError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return codecError(err)
}

// codecError says which kind a codec's error is of.
func codecError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the WebP's data ends before the picture does", raster.ErrTruncated)
	}
	return fmt.Errorf("%w: WebP: %w", raster.ErrCorrupt, err)
}

// contextReader fails once its context ends. It hands out little at a time, because the codecs ask it nothing while they
// work on what they have.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	const atMost = 4 << 10
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p[:min(len(p), atMost)])
}

func losslessRows(ctx context.Context, picture image.Image, emit func([]uint8)) error {
	rgba, ok := picture.(*image.NRGBA)
	if !ok {
		return fmt.Errorf("%w: WebP decoded to %T", raster.ErrUnsupported, picture)
	}
	width, height := rgba.Rect.Dx(), rgba.Rect.Dy()
	rgb := make([]uint8, raster.Channels*width)
	for y := range height {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		in := rgba.Pix[y*rgba.Stride:]
		for x := range width {
			pixel, stored := (*[raster.Channels]uint8)(rgb[raster.Channels*x:]), in[4*x:]
			pixel[0], pixel[1], pixel[2] = stored[0], stored[1], stored[2]
		}
		emit(rgb)
	}
	return nil
}

// lossyRows makes RGB of VP8's samples, colors at half the size both ways, upsampled as libwebp does ("fancy").
func lossyRows(ctx context.Context, picture *image.YCbCr, emit func([]uint8)) error {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	halves, lastRow := (width+1)/2, (height+1)/2-1
	rgb := make([]uint8, raster.Channels*width)
	chroma := func(plane []uint8, row int) []uint8 { return plane[row*picture.CStride:][:halves] }
	for y := range height {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// Row y lies nearest to color row y/2; the next nearest is above an even row and below an odd one.
		near := y / 2
		far := min(max(near-1+2*(y%2), 0), lastRow)
		lossyRow(rgb, picture.Y[y*picture.YStride:][:width],
			chroma(picture.Cb, near), chroma(picture.Cb, far), chroma(picture.Cr, near), chroma(picture.Cr, far))
		emit(rgb)
	}
	return nil
}

// lossyRow makes a row of RGB of its luma and of the color rows nearest and next nearest to it.
func lossyRow(rgb, luma, uNear, uFar, vNear, vFar []uint8) {
	last := len(luma) - 1
	halves := last/2 + 1
	uNear, uFar, vNear, vFar = uNear[:halves], uFar[:halves], vNear[:halves], vFar[:halves]
	edge := func(near, far uint8) int32 { return (3*int32(near) + int32(far) + 2) >> 2 }
	setPixel(rgb, luma[0], edge(uNear[0], uFar[0]), edge(vNear[0], vFar[0]))
	for x := 1; x < halves; x++ {
		uLeft, uRight := between(uNear[x-1], uNear[x], uFar[x-1], uFar[x])
		vLeft, vRight := between(vNear[x-1], vNear[x], vFar[x-1], vFar[x])
		setPixel(rgb[raster.Channels*(2*x-1):], luma[2*x-1], uLeft, vLeft)
		setPixel(rgb[raster.Channels*2*x:], luma[2*x], uRight, vRight)
	}
	if last%2 == 1 {
		c := last / 2
		setPixel(rgb[raster.Channels*last:], luma[last], edge(uNear[c], uFar[c]), edge(vNear[c], vFar[c]))
	}
}

// between gives the two colors between two columns of samples: weights of 9, 3, 3 and 1 sixteenth, with the roundings of
// libwebp.
func between(near0, near1, far0, far1 uint8) (left, right int32) {
	n0, n1, f0, f1 := int32(near0), int32(near1), int32(far0), int32(far1)
	sum := n0 + n1 + f0 + f1 + 8
	return ((sum+2*(n1+f0))>>3 + n0) >> 1, ((sum+2*(n0+f1))>>3 + n1) >> 1
}

// setPixel converts from the limited range of ITU-R BT.601, with 14 bits of fraction in libwebp's two steps.
func setPixel(rgb []uint8, y8 uint8, u, v int32) {
	y := int32(y8) * 19077 >> 8
	pixel := (*[raster.Channels]uint8)(rgb) // checked once
	pixel[0] = clip(y + v*26149>>8 - 14234)
	pixel[1] = clip(y - u*6419>>8 - v*13320>>8 + 8708)
	pixel[2] = clip(y + u*33050>>8 - 17685)
}

// clip takes off 6 bits of fraction.
func clip(v int32) uint8 {
	if v >>= 6; uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint8(v)
}
