// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package raster is what the decoders of all picture formats have in common: a picture whose header has been read hands
// out its pixels row by row, so that the whole picture is in memory only where its format leaves no other way.
package raster

import (
	"context"
	"errors"
)

// What can be wrong with a picture's bytes; every error of a decoder wraps one of these, or is its context's own.
var (
	// ErrUnsupported: not a picture, or one of a kind that is not decoded here.
	ErrUnsupported = errors.New("unsupported image format")
	// ErrTruncated: the data ends before the picture does.
	ErrTruncated = errors.New("image truncated")
	// ErrCorrupt: the format is known, and its rules are broken.
	ErrCorrupt = errors.New("image corrupt")
)

// Channels is the number of bytes of a pixel: red, green, blue.
const Channels = 3

// Header is what a picture's header says, before any memory is taken for pixels.
type Header struct {
	// Width and Height are the stored picture's, in pixels, above 0.
	Width, Height int
	// Orientation as in EXIF, 1 to 8: how the stored picture must be turned or mirrored to stand upright.
	Orientation int
	// MemoryBytes is an upper bound of the memory that Rows takes, the encoded file aside.
	MemoryBytes int64
}

// Picture is a picture whose header has been read.
type Picture interface {
	Header() Header
	// Rows decodes the picture and calls emit with each row in turn, from the top: Width pixels of red, green and blue,
	// 8 bits each, valid until emit returns. Transparency is left out. It stops soon after ctx ends. A row that was
	// emitted says nothing of the rest: only when Rows returns nil was the picture whole.
	Rows(ctx context.Context, emit func(row []uint8)) error
}
