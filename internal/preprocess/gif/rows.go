// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package gif

import (
	"compress/lzw"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// passes are the rows of an interlaced picture in the order in which they are stored: the first and the distance.
var passes = []struct{ first, step int }{{0, 8}, {4, 8}, {2, 4}, {1, 2}}

// Rows decodes the picture; see raster.Picture. Indices behind the last pixel are left alone.
func (p *Picture) Rows(ctx context.Context, emit func(row []uint8)) error {
	codec := lzw.NewReader(&blockReader{ctx: ctx, data: p.data}, lzw.LSB, p.codeSize)
	defer codec.Close()
	next, err := p.indexRows(ctx, codec)
	if err != nil {
		return err
	}
	rgb := make([]uint8, raster.Channels*p.header.Width)
	for y := range p.header.Height {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.fill(rgb)
		if y >= p.top && y < p.top+p.height {
			indices, err := next()
			if err != nil {
				return err
			}
			p.convert(rgb[raster.Channels*p.left:], indices)
		}
		emit(rgb)
	}
	return nil
}

// indexRows returns a function that gives the picture's rows of indices from the top, each valid until the next.
func (p *Picture) indexRows(ctx context.Context, codec io.Reader) (next func() ([]uint8, error), err error) {
	if !p.interlaced {
		row := make([]uint8, p.width)
		return func() ([]uint8, error) { return row, readRow(ctx, codec, row) }, nil
	}
	indices := make([]uint8, p.width*p.height)
	for _, pass := range passes {
		for y := pass.first; y < p.height; y += pass.step {
			if err := readRow(ctx, codec, indices[y*p.width:][:p.width]); err != nil {
				return nil, err
			}
		}
	}
	return func() ([]uint8, error) {
		row := indices[:p.width]
		indices = indices[p.width:]
		return row, nil
	}, nil
}

// readRow reads a row of indices. Its error is the context's, if that has ended.
func readRow(ctx context.Context, codec io.Reader, row []uint8) error {
	_, err := io.ReadFull(codec, row)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the GIF's data ends before the picture does", raster.ErrTruncated)
	default:
		return fmt.Errorf("%w: GIF: %w", raster.ErrCorrupt, err)
	}
}

// fill makes a row of the color that shows beside the picture.
func (p *Picture) fill(rgb []uint8) {
	for x := range p.header.Width {
		copy(rgb[raster.Channels*x:], p.palette[p.background][:])
	}
}

// convert makes RGB of a row of indices.
func (p *Picture) convert(rgb, indices []uint8) {
	for x, index := range indices {
		copy(rgb[raster.Channels*x:][:raster.Channels], p.palette[index][:])
	}
}

// blockReader hands out the bytes of a picture's data, which are stored in blocks that begin with their length. It ends with
// the first empty block, with the data, and with the context, for which the codec asks nobody while it finds no pixels.
type blockReader struct {
	ctx  context.Context
	data []byte
	left int // of the block
}

// ReadByte is what the codec calls.
func (b *blockReader) ReadByte() (byte, error) {
	if b.left == 0 {
		if b.ctx.Err() != nil {
			return 0, context.Cause(b.ctx)
		}
		if len(b.data) == 0 || b.data[0] == 0 {
			return 0, io.EOF
		}
		b.left, b.data = int(b.data[0]), b.data[1:]
	}
	if len(b.data) == 0 {
		return 0, io.EOF
	}
	next := b.data[0]
	b.data = b.data[1:]
	b.left--
	return next, nil
}

// Read is there because the codec wants a Reader, though it reads byte by byte.
func (b *blockReader) Read(p []byte) (int, error) {
	for n := range p {
		var err error
		if p[n], err = b.ReadByte(); err != nil {
			return n, err
		}
	}
	return len(p), nil
}
