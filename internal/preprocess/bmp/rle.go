// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package bmp

import (
	"context"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// expand decodes run-length encoded pixels to one byte each, in the order of the file, as Pillow does: pixels that the
// file passes over have index 0, runs end with the row.
func (p *Picture) expand(ctx context.Context) ([]byte, error) {
	r := runs{
		in: p.pixels, out: make([]byte, 0, p.header.Width*p.header.Height),
		width: p.header.Width, nibbles: p.compression == compressionRLE4,
	}
	for len(r.out) < cap(r.out) && !r.ended {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if len(r.in)-r.pos < 2 {
			break
		}
		count, value := int(r.in[r.pos]), r.in[r.pos+1]
		r.pos += 2
		switch {
		case count > 0:
			r.run(count, value)
		case value > 2:
			r.literal(int(value))
		default:
			r.escape(value)
		}
	}
	if len(r.out) < cap(r.out) {
		return nil, fmt.Errorf("%w: the BMP's data ends before the picture does", raster.ErrTruncated)
	}
	return r.out, nil
}

// runs is the state of decoding.
type runs struct {
	in      []byte
	pos     int
	out     []byte // filled up to its capacity
	width   int
	x       int
	nibbles bool
	ended   bool
}

// append adds a pixel unless the picture is full.
func (r *runs) append(index byte) {
	if len(r.out) < cap(r.out) {
		r.out = append(r.out, index)
	}
}

func (r *runs) zeros(n int) {
	for range min(n, cap(r.out)-len(r.out)) {
		r.out = append(r.out, 0)
	}
}

// run repeats a pixel, or two in turn.
func (r *runs) run(count int, value byte) {
	count = min(count, max(r.width-r.x, 0))
	for i := range count {
		switch {
		case !r.nibbles:
			r.append(value)
		case i%2 == 0:
			r.append(value >> 4)
		default:
			r.append(value & 15)
		}
	}
	r.x += count
}

// literal copies pixels, which end on an even byte.
func (r *runs) literal(count int) {
	count = min(count, cap(r.out)-len(r.out))
	length := count
	if r.nibbles {
		length = (count + 1) / 2
	}
	if len(r.in)-r.pos < length {
		r.ended = true
		return
	}
	for i := range count {
		switch {
		case !r.nibbles:
			r.append(r.in[r.pos+i])
		case i%2 == 0:
			r.append(r.in[r.pos+i/2] >> 4)
		default:
			r.append(r.in[r.pos+i/2] & 15)
		}
	}
	r.x += count
	r.pos += (length + 1) &^ 1
}

// escape ends the row or the picture, or moves right and on.
func (r *runs) escape(code byte) {
	switch code {
	case 0:
		if over := len(r.out) % r.width; over != 0 {
			r.zeros(r.width - over)
		}
		r.x = 0
	case 1:
		r.ended = true
	case 2:
		if len(r.in)-r.pos < 2 {
			r.ended = true
			return
		}
		right, on := int(r.in[r.pos]), int(r.in[r.pos+1])
		r.pos += 2
		r.zeros(right + on*r.width)
		r.x = len(r.out) % r.width
	}
}
