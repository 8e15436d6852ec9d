// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/preprocess/bmp"
	"github.com/trainyard-dev/trainyard/internal/preprocess/decoding1"
	"github.com/trainyard-dev/trainyard/internal/preprocess/gif"
	"github.com/trainyard-dev/trainyard/internal/preprocess/jpeg"
	"github.com/trainyard-dev/trainyard/internal/preprocess/png"
	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
	"github.com/trainyard-dev/trainyard/internal/preprocess/webp"
)

// What can be wrong with the bytes of an image; test with errors.Is. A context
// that ends while decoding is reported as the context's own error.
var (
	// ErrTooLarge: more bytes or pixels than the limits allow. Nothing was
	// decoded but the header.
	ErrTooLarge = errors.New("image too large")
	// ErrMemory: within the limits, and more memory is needed to decode it than
	// is set aside for that. It is an ErrTooLarge as well.
	ErrMemory = fmt.Errorf("%w for the memory set aside", ErrTooLarge)
	// ErrUnsupported: not an image, or of a kind that is not decoded here.
	ErrUnsupported = raster.ErrUnsupported
	// ErrTruncated: the data ends before the image does, or is empty.
	ErrTruncated = raster.ErrTruncated
	// ErrCorrupt: the format is known but the content breaks its rules.
	ErrCorrupt = raster.ErrCorrupt
)

// maxSide bounds either side of an image, whatever its area, so that memory
// for a row stays small. It is the largest that JPEG can express.
const maxSide = 65535

// Limits bound what images may cost.
type Limits struct {
	// MaxBytes bounds an image's encoded size.
	MaxBytes int64
	// MaxPixels bounds an image's width × height as its header states them.
	MaxPixels int64
	// MemoryBytes bounds what all images take together while a Decoder decodes
	// them, beside their files. An image takes from some kilobytes (a baseline
	// JPEG) to 8 bytes a pixel (a progressive one of four colors).
	MemoryBytes int64
}

// DefaultLimits admit the photographs of any current camera.
func DefaultLimits() Limits {
	return Limits{MaxBytes: 32 << 20, MaxPixels: 50_000_000, MemoryBytes: 512 << 20}
}

// format is one image format, known by the first bytes of a file; '?' in magic
// stands for any byte.
type format struct {
	name, magic string
	open        func([]byte) (raster.Picture, error)
}

var formats = []format{
	{"jpeg", jpeg.Magic, opener(jpeg.Open)},
	{"png", png.Magic, opener(png.Open)},
	{"webp", webp.Magic, opener(webp.Open)},
	{"bmp", bmp.Magic, opener(bmp.Open)},
	{"gif", gif.Magic, opener(gif.Open)},
}

// firstFormats decode as DecodingFirst.
var firstFormats = []format{
	{"jpeg", jpeg.Magic, decoding1.OpenJPEG},
	{"png", png.Magic, decoding1.OpenPNG},
	{"webp", webp.Magic, decoding1.OpenWebP},
	{"bmp", bmp.Magic, decoding1.OpenBMP},
}

// Versions of what is made of a picture. Models are held to what they answered
// for pictures when they were published, which depends on it.
const (
	// DecodingFirst is what Go's own decoders make, over white.
	DecodingFirst = 1
	// Decoding is the one in use: what Pillow makes.
	Decoding = 2
)

func opener[P raster.Picture](open func([]byte) (P, error)) func([]byte) (raster.Picture, error) {
	return func(data []byte) (raster.Picture, error) { return open(data) }
}

// Formats names the formats that are decoded.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// opened is a picture whose header has been read and held against the limits.
type opened struct {
	raster.Header
	format  string
	picture raster.Picture
	// reduction is by what Width and Height of the stored picture are divided, and rounded up, as it is decoded: 1 if it is
	// decoded whole.
	reduction int
}

// reducible is a picture that can be decoded at 1/2, 1/4 or 1/8 of its size.
type reducible interface {
	raster.Picture
	// Reduce comes before Rows, and changes the Header.
	Reduce(denominator int)
}

// reduce has the picture decoded at a fraction of its size, if the Spec wants that and the format can.
func (img *opened) reduce(s Spec) {
	picture, ok := img.picture.(reducible)
	if !ok {
		return
	}
	if img.reduction = s.reduction(img.Width, img.Height); img.reduction > 1 {
		picture.Reduce(img.reduction)
		img.MemoryBytes = picture.Header().MemoryBytes
	}
}

// open finds the format of data by its content and not by a name, and reads its header.
//
// Errors wrap ErrTooLarge, ErrUnsupported, ErrTruncated or ErrCorrupt. No input makes it panic.
func open(data []byte, limits Limits, formats []format) (img opened, err error) {
	if int64(len(data)) > limits.MaxBytes {
		return opened{}, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(data), limits.MaxBytes)
	}
	if len(data) == 0 {
		return opened{}, fmt.Errorf("%w: no data", ErrTruncated)
	}
	for _, f := range formats {
		if !hasMagic(data, f.magic) {
			continue
		}
		defer recoverDecoder(f.name, &err)
		picture, err := f.open(data)
		if err != nil {
			return opened{}, err
		}
		img = opened{Header: picture.Header(), format: f.name, picture: picture, reduction: 1}
		// Neither side exceeds maxSide when they are multiplied, so no overflow.
		if img.Width > maxSide || img.Height > maxSide || int64(img.Width)*int64(img.Height) > limits.MaxPixels {
			return opened{}, fmt.Errorf("%w: %d×%d pixels, limit %d in all and %d a side",
				ErrTooLarge, img.Width, img.Height, limits.MaxPixels, maxSide)
		}
		return img, nil
	}
	return opened{}, fmt.Errorf("%w: %s: send one of %s, or convert it to one", ErrUnsupported, kindOf(data), strings.Join(Formats(), ", "))
}

// rows decodes the picture; see raster.Picture. No input makes it panic.
func (img opened) rows(ctx context.Context, emit func([]uint8)) (err error) {
	defer recoverDecoder(img.format, &err)
	if err := img.picture.Rows(ctx, emit); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("decode %s: %w", img.format, context.Cause(ctx))
		}
		return err
	}
	return nil
}

// recoverDecoder makes an error of a decoder's panic: the bytes are a
// stranger's, and one slip must not take the process down.
func recoverDecoder(name string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %s decoder failed: %v", ErrCorrupt, name, r)
	}
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
