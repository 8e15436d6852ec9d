// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"context"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Augmented writes sample i as training with the augmentation might see it to dst, 8-bit RGB of shape [Size, Size, 3].
// draw chooses what is drawn at random. Errors are those of File, and of an augmentation out of range.
func (d *Dataset) Augmented(ctx context.Context, dst []uint8, i int, a Augmentation, draw uint64) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if err := d.Pixels(ctx, dst, i); err != nil {
		return err
	}
	augmenter := newAugmenter(a, d.preprocess.Size)
	augmenter.apply(dst, draw, 0, uint64(i))
	if part, ok := augmenter.erased(draw, 0, uint64(i)); ok {
		d.blank(dst, part)
	}
	return nil
}

// blank fills a part of pixels with what normalization makes 0.
func (d *Dataset) blank(pixels []uint8, part rectangle) {
	for y := range part.height {
		for x := range part.width {
			at := ((part.y+y)*d.preprocess.Size + part.x + x) * preprocess.Channels
			for k, mean := range d.preprocess.Mean {
				pixels[at+k] = clamp8(mean / preprocess.DefaultScale)
			}
		}
	}
}

// Alone returns each change that the augmentation makes as one of its own, by its name in the configuration.
func (a Augmentation) Alone() []NamedAugmentation {
	all := []NamedAugmentation{
		{"randomResizedCrop", Augmentation{Crop: a.Crop}},
		{"rotationDegrees", Augmentation{RotationDegrees: a.RotationDegrees}},
		{"horizontalFlip", Augmentation{HorizontalFlip: a.HorizontalFlip}},
		{"brightness", Augmentation{Brightness: a.Brightness}},
		{"contrast", Augmentation{Contrast: a.Contrast}},
		{"saturation", Augmentation{Saturation: a.Saturation}},
		{"randomErasing", Augmentation{Erasing: a.Erasing}},
	}
	var used []NamedAugmentation
	for _, alone := range all {
		if alone.Augmentation != (Augmentation{}) {
			used = append(used, alone)
		}
	}
	return used
}

// NamedAugmentation is one change.
type NamedAugmentation struct {
	Name string
	Augmentation
}
