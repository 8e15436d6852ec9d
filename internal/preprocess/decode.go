// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// What can be wrong with the bytes of an image; test with errors.Is. A context
// that ends while decoding is reported as the context's own error.
var (
	// ErrTooLarge: more bytes or pixels than the limits allow. Nothing was
	// decoded but the header.
	ErrTooLarge = errors.New("image too large")
	// ErrUnsupported: not an image, or in a format that is not decoded here.
	ErrUnsupported = errors.New("unsupported image format")
	// ErrTruncated: the data ends before the image does, or is empty.
	ErrTruncated = errors.New("image truncated")
	// ErrCorrupt: the format is known but the content breaks its rules.
	ErrCorrupt = errors.New("image corrupt")
)

// maxSide bounds either side of an image, whatever its area, so that memory
// for a row stays small. It is the largest that JPEG can express.
const maxSide = 65535

// Limits bound what one image may cost. Decoding takes up to about 16 bytes of
// memory a pixel (a progressive JPEG's coefficients).
type Limits struct {
	// MaxBytes bounds the encoded size.
	MaxBytes int64
	// MaxPixels bounds width × height as the header states them.
	MaxPixels int64
}

// DefaultLimits admit the photographs of any current camera.
func DefaultLimits() Limits {
	return Limits{MaxBytes: 32 << 20, MaxPixels: 50_000_000}
}

// Image is a decoded image. An in-memory image needs only Pixels.
type Image struct {
	Pixels image.Image
	// Orientation as in EXIF, 1 to 8: how Pixels must be turned or mirrored to
	// stand upright. 0 means upright, like 1. ResizeRGB applies it.
	Orientation int
	// Format is "jpeg", "png", "webp" or "bmp", or empty for one that was not
	// decoded from a file.
	Format string
}

// format is one image format, known by the first bytes of a file; '?' in magic
// stands for any byte.
type format struct {
	name, magic  string
	decode       func(io.Reader) (image.Image, error)
	decodeConfig func(io.Reader) (image.Config, error)
}

// formats are listed here rather than registered with package image, whose
// registry any import of the program can add to.
var formats = []format{
	{"jpeg", "\xff\xd8", jpeg.Decode, jpeg.DecodeConfig},
	{"png", "\x89PNG\r\n\x1a\n", png.Decode, png.DecodeConfig},
	{"webp", "RIFF????WEBPVP8", webp.Decode, webp.DecodeConfig},
	{"bmp", "BM????\x00\x00\x00\x00", bmp.Decode, bmp.DecodeConfig},
}

// Formats names the formats that Decode reads.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// Decode decodes the bytes of an image file: JPEG, PNG, WebP or BMP, told by
// content and not by name. The limits are checked on the header, before any
// memory is taken for pixels. It stops soon after ctx ends.
//
// Errors wrap ErrTooLarge, ErrUnsupported, ErrTruncated, ErrCorrupt or ctx's
// error. No input makes it panic.
func Decode(ctx context.Context, data []byte, limits Limits) (img Image, err error) {
	f, err := checkHeader(data, limits)
	if err != nil {
		return Image{}, err
	}
	// The decoders are well-kept, but the bytes are a stranger's, and one
	// slip of theirs must not take the process down.
	defer func() {
		if r := recover(); r != nil {
			img, err = Image{}, fmt.Errorf("%w: %s decoder failed: %v", ErrCorrupt, f.name, r)
		}
	}()
	pixels, err := f.decode(&contextReader{ctx: ctx, r: bytes.NewReader(data)})
	if ctx.Err() != nil {
		return Image{}, fmt.Errorf("decode %s: %w", f.name, context.Cause(ctx))
	}
	if err != nil {
		return Image{}, fmt.Errorf("%w: %s: %w", classify(err), f.name, err)
	}
	if pixels.Bounds().Empty() {
		return Image{}, fmt.Errorf("%w: %s has no pixels", ErrCorrupt, f.name)
	}
	img = Image{Pixels: pixels, Format: f.name}
	if f.name == "jpeg" {
		img.Orientation = jpegOrientation(data)
	}
	return img, nil
}

// checkHeader finds the format of data and holds its stated size against the
// limits.
func checkHeader(data []byte, limits Limits) (f format, err error) {
	if int64(len(data)) > limits.MaxBytes {
		return format{}, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(data), limits.MaxBytes)
	}
	if len(data) == 0 {
		return format{}, fmt.Errorf("%w: no data", ErrTruncated)
	}
	i := slices.IndexFunc(formats, func(f format) bool { return hasMagic(data, f.magic) })
	if i < 0 {
		return format{}, fmt.Errorf("%w: send one of %s", ErrUnsupported, strings.Join(Formats(), ", "))
	}
	f = formats[i]
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %s header: decoder failed: %v", ErrCorrupt, f.name, r)
		}
	}()
	config, err := f.decodeConfig(bytes.NewReader(data))
	if err != nil {
		return format{}, fmt.Errorf("%w: %s header: %w", classify(err), f.name, err)
	}
	if config.Width <= 0 || config.Height <= 0 {
		return format{}, fmt.Errorf("%w: %s of %d×%d pixels", ErrCorrupt, f.name, config.Width, config.Height)
	}
	// Neither side exceeds maxSide when they are multiplied, so no overflow.
	if config.Width > maxSide || config.Height > maxSide || int64(config.Width)*int64(config.Height) > limits.MaxPixels {
		return format{}, fmt.Errorf("%w: %d×%d pixels, limit %d in all and %d a side",
			ErrTooLarge, config.Width, config.Height, limits.MaxPixels, maxSide)
	}
	return f, nil
}

func hasMagic(data []byte, magic string) bool {
	if len(data) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}

// classify picks the sentinel for a decoder's error.
func classify(err error) error {
	var (
		jpegUnsupported jpeg.UnsupportedError
		pngUnsupported  png.UnsupportedError
	)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return ErrTruncated
	// These say it in words of their own only.
	case containsAny(err.Error(), "riff: short", "not enough pixel data", "unexpected EOF"):
		return ErrTruncated
	case errors.As(err, &jpegUnsupported), errors.As(err, &pngUnsupported), errors.Is(err, bmp.ErrUnsupported):
		return ErrUnsupported
	default:
		return ErrCorrupt
	}
}

// contextReader fails once its context ends. It hands out little at a time,
// because decoders ask it nothing while they work on what they have: a
// thousand bytes of a progressive JPEG can hold dozens of passes over the
// whole image.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	const atMost = 512
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	if len(p) > atMost {
		p = p[:atMost]
	}
	return c.r.Read(p)
}

func containsAny(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, part) })
}
