// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/semaphore"
)

// Decoder decodes images of any number of callers within bounds of memory:
// each waits until what its image takes, by its header, is free, whatever the
// number of processors. Its methods may be called concurrently.
type Decoder struct {
	limits Limits
	// memory keeps the account of Limits.MemoryBytes.
	memory *semaphore.Weighted
	// processors bounds how many are decoded at a time.
	processors *semaphore.Weighted
	formats    []format
}

// NewDecoder returns a Decoder of images within limits, all of which are above
// 0.
func NewDecoder(limits Limits) *Decoder {
	return &Decoder{
		limits: limits, memory: semaphore.NewWeighted(limits.MemoryBytes), formats: formats,
		processors: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
	}
}

// First is the Decoder that makes of an image what DecodingFirst says, within
// the same bounds of memory.
func (d *Decoder) First() *Decoder {
	first := *d
	first.formats = firstFormats
	return &first
}

// Pixels decodes data, the bytes of an image file: JPEG, PNG, WebP, BMP or
// GIF, told by content and not by name. It brings the image to the Spec's size by
// its rule, stands it upright and writes 8-bit RGB of shape [Size, Size, 3] to
// dst, which holds at least PixelLen bytes. Transparency is left out. The Spec
// must be valid. The limits are checked on the header, before any memory is
// taken for pixels. It stops soon after ctx ends.
//
// Errors wrap ErrTooLarge, ErrMemory, ErrUnsupported, ErrTruncated, ErrCorrupt
// or ctx's error. No input makes it panic.
func (d *Decoder) Pixels(ctx context.Context, spec Spec, dst, data []uint8) error {
	img, err := open(data, d.limits, d.formats)
	if err != nil {
		return err
	}
	img.reduce(spec)
	needed := img.MemoryBytes + spec.resizeMemory(img)
	if needed > d.limits.MemoryBytes {
		return fmt.Errorf("%w: this %s of %d×%d pixels takes %d MiB to decode, %d MiB are set aside: raise the memory limit",
			ErrMemory, img.format, img.Width, img.Height, ceilMiB(needed), d.limits.MemoryBytes>>20)
	}
	if err := d.memory.Acquire(ctx, needed); err != nil {
		return context.Cause(ctx)
	}
	defer d.memory.Release(needed)
	if err := d.processors.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer d.processors.Release(1)
	return spec.resize(ctx, dst, img)
}

func ceilMiB(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }

// Tensor decodes data as Pixels does and writes its tensor of shape
// [3, Size, Size] to dst, which holds at least TensorLen values.
func (d *Decoder) Tensor(ctx context.Context, spec Spec, dst []float32, data []byte) error {
	pixels := make([]uint8, spec.PixelLen())
	if err := d.Pixels(ctx, spec, pixels, data); err != nil {
		return err
	}
	spec.Normalize(dst, pixels)
	return nil
}
