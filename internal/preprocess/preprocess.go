// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package preprocess turns the bytes of an image file into the tensor that a
// network reads. The trainer, the evaluator, the server and the smoke test all
// go through this one package with the one [Spec] that travels in the model's
// metadata, so what a model sees in production is what it saw in training.
//
// The path of an image is [Decoder.Pixels] (limits, decoding, size and
// orientation: 8-bit RGB, the form that is worth caching) and [Spec.Normalize]
// (float32, channels first). [Decoder.Tensor] walks the whole path.
package preprocess

import (
	"errors"
	"fmt"
)

// ResizeBilinear stretches the image to a square with a triangle filter whose
// support grows with the reduction, so that every source pixel counts
// (antialiasing). The aspect ratio is not kept. It is Pillow's
// resize((S, S), BILINEAR) and torchvision's Resize((S, S), antialias=True), to
// within one gray level: they round to 8 bits between the two passes, this
// package does not.
const ResizeBilinear = "bilinear-antialias-stretch"

// Bounds of Spec.Size.
const (
	MinSize = 8
	MaxSize = 1024
)

// Channels is the number of color channels of a tensor: red, green, blue.
const Channels = 3

// Spec says how an image becomes a tensor. Its JSON form is part of the
// model's metadata.
type Spec struct {
	// Size is the side of the square tensor in pixels, MinSize to MaxSize.
	Size int `json:"size"`
	// Resize names the rule that brings an image to Size×Size: ResizeBilinear.
	Resize string `json:"resize"`
	// Mean is subtracted from each of the channels red, green, blue, whose
	// values are first scaled to [0, 1].
	Mean [Channels]float32 `json:"mean"`
	// Std then divides each channel; it is greater than zero.
	Std [Channels]float32 `json:"std"`
}

// DefaultSpec returns the preprocessing that new models are trained with:
// ResizeBilinear, and the channel statistics of ImageNet, which fit
// photographs in general.
func DefaultSpec(size int) Spec {
	return Spec{
		Size:   size,
		Resize: ResizeBilinear,
		Mean:   [Channels]float32{0.485, 0.456, 0.406},
		Std:    [Channels]float32{0.229, 0.224, 0.225},
	}
}

// Validate reports every field that is out of range.
func (s Spec) Validate() error {
	var errs []error
	if s.Size < MinSize || s.Size > MaxSize {
		errs = append(errs, fmt.Errorf("size %d: must be between %d and %d", s.Size, MinSize, MaxSize))
	}
	if s.Resize != ResizeBilinear {
		errs = append(errs, fmt.Errorf("resize %q: the rule known to this version is %q", s.Resize, ResizeBilinear))
	}
	for c := range Channels {
		// Written so that NaN fails too.
		if !(s.Mean[c] >= -10 && s.Mean[c] <= 10) {
			errs = append(errs, fmt.Errorf("mean[%d] %v: must be between -10 and 10, for pixels in [0, 1]", c, s.Mean[c]))
		}
		if !(s.Std[c] >= 1e-3 && s.Std[c] <= 10) {
			errs = append(errs, fmt.Errorf("std[%d] %v: must be between 0.001 and 10, for pixels in [0, 1]", c, s.Std[c]))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("invalid preprocessing: %w", err)
	}
	return nil
}

// PixelLen is the number of bytes of a resized image, Size×Size×3.
func (s Spec) PixelLen() int { return s.Size * s.Size * Channels }

// TensorLen is the number of values of one image's tensor, 3×Size×Size.
func (s Spec) TensorLen() int { return Channels * s.Size * s.Size }

// Normalize converts pixels, 8-bit RGB of shape [Size, Size, 3] as ResizeRGB
// writes it, to (pixel/255 - Mean)/Std in dst, of shape [3, Size, Size].
func (s Spec) Normalize(dst []float32, pixels []uint8) {
	plane := s.Size * s.Size
	pixels = pixels[:Channels*plane]
	for c := range Channels {
		var table [256]float32
		for v := range table {
			table[v] = (float32(v)/255 - s.Mean[c]) / s.Std[c]
		}
		out := dst[c*plane : (c+1)*plane]
		for i := range out {
			out[i] = table[pixels[Channels*i+c]]
		}
	}
}
