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
	"cmp"
	"errors"
	"fmt"
	"math"
)

// ResizeBilinear stretches the image to a square with a triangle filter whose
// support grows with the reduction, so that every source pixel counts
// (antialiasing). The aspect ratio is not kept. It is Pillow's
// resize((S, S), BILINEAR) and torchvision's Resize((S, S), antialias=True), to
// within one gray level: they round to 8 bits between the two passes, this
// package does not.
const ResizeBilinear = "bilinear-antialias-stretch"

// ResizeCrop brings the image's shorter side to Spec.ShorterSide by the same
// filter, keeping the aspect ratio, and cuts the square out of the middle: what
// torchvision's Resize(ShorterSide) and CenterCrop(Size) do, to within one gray
// level.
const ResizeCrop = "bilinear-antialias-crop"

// Resizes are the rules that a Spec may name.
func Resizes() []string { return []string{ResizeBilinear, ResizeCrop} }

// DecodeReduced decodes a JPEG that is to become much smaller at 1/2, 1/4 or 1/8
// of its size, the smallest that is twice the size it is resized to or more: see
// Spec.reduction. Other images are decoded whole.
const DecodeReduced = "jpeg-reduced"

// FilterBicubic resizes by a cubic filter, as Pillow's BICUBIC and torchvision's
// InterpolationMode.BICUBIC with antialias do, instead of the triangle. It
// overshoots at edges, where they clip to 8 bits between the two passes and this
// package does not: hence more gray levels than one between them there.
const FilterBicubic = "bicubic"

// Orders of the channels of a tensor. Images are decoded to red, green, blue.
const (
	ChannelsRGB = "RGB"
	ChannelsBGR = "BGR"
)

// DefaultScale brings pixels to [0, 1].
const DefaultScale = 1. / 255

// Bounds of Spec.Size.
const (
	MinSize = 8
	MaxSize = 1024
)

// MaxSide bounds Spec.ShorterSide.
const MaxSide = 2 * MaxSize

// Channels is the number of color channels of a tensor: red, green, blue.
const Channels = 3

// Spec says how an image becomes a tensor. Its JSON form is part of the
// model's metadata.
type Spec struct {
	// Size is the side of the square tensor in pixels, MinSize to MaxSize.
	Size int `json:"size"`
	// Resize names the rule that brings an image to Size×Size, one of Resizes.
	Resize string `json:"resize"`
	// Decode names the rule by which images are decoded: DecodeReduced, or each
	// whole if it is empty, as models are that were trained before there was another.
	Decode string `json:"decode,omitempty"`
	// Filter is FilterBicubic, or the triangle if it is empty.
	Filter string `json:"filter,omitempty"`
	// ShorterSide is that of the image before ResizeCrop cuts, Size to MaxSide;
	// 0 with other rules.
	ShorterSide int `json:"shorterSide,omitempty"`
	// Mean is subtracted from each of the tensor's channels, in their order,
	// after pixels of 0 to 255 were multiplied by Scale.
	Mean [Channels]float32 `json:"mean"`
	// Std then divides each channel; it is greater than zero.
	Std [Channels]float32 `json:"std"`
	// Scale is DefaultScale if it is 0.
	Scale float64 `json:"scale,omitempty"`
	// ChannelOrder is the order of the tensor's channels: ChannelsBGR, or
	// ChannelsRGB if it is empty.
	ChannelOrder string `json:"channelOrder,omitempty"`
}

// scale is what pixels are multiplied by.
func (s Spec) scale() float64 { return cmp.Or(s.Scale, DefaultScale) }

// DefaultSpec returns the preprocessing that new models are trained with:
// ResizeBilinear, DecodeReduced, and the channel statistics of ImageNet, which
// fit photographs in general.
func DefaultSpec(size int) Spec {
	return Spec{
		Size:   size,
		Resize: ResizeBilinear,
		Decode: DecodeReduced,
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
	if s.Decode != "" && s.Decode != DecodeReduced {
		errs = append(errs, fmt.Errorf("decode %q: the rule known to this version is %q; without one images are decoded whole", s.Decode, DecodeReduced))
	}
	if s.Filter != "" && s.Filter != FilterBicubic {
		errs = append(errs, fmt.Errorf("filter %q: must be %s, or empty for the triangle", s.Filter, FilterBicubic))
	}
	errs = append(errs, s.validateResize(), s.validateChannels())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("invalid preprocessing: %w", err)
	}
	return nil
}

func (s Spec) validateResize() error {
	switch s.Resize {
	case ResizeBilinear:
		if s.ShorterSide != 0 {
			return fmt.Errorf("shorterSide %d: is for resize %q only: leave it out", s.ShorterSide, ResizeCrop)
		}
	case ResizeCrop:
		if s.ShorterSide < s.Size || s.ShorterSide > MaxSide {
			return fmt.Errorf("shorterSide %d: must be between size %d and %d", s.ShorterSide, s.Size, MaxSide)
		}
	default:
		return fmt.Errorf("resize %q: the rules known to this version are %q", s.Resize, Resizes())
	}
	return nil
}

// validateChannels is written so that NaN fails too.
func (s Spec) validateChannels() error {
	const farthest, least = 10, 1e-3 // for pixels in [0, 1]
	var errs []error
	if !(s.scale() >= 1e-6 && s.scale() <= 1e3) {
		return fmt.Errorf("scale %v: must be between 0.000001 and 1000, such as 1/255 for pixels in [0, 1]", s.Scale)
	}
	if s.ChannelOrder != "" && s.ChannelOrder != ChannelsRGB && s.ChannelOrder != ChannelsBGR {
		errs = append(errs, fmt.Errorf("channelOrder %q: must be %s or %s", s.ChannelOrder, ChannelsRGB, ChannelsBGR))
	}
	white := 255 * s.scale()
	for c := range Channels {
		if v := float64(s.Mean[c]); !(math.Abs(v) <= farthest*white) {
			errs = append(errs, fmt.Errorf("mean[%d] %v: must be between %.4g and %.4g, for pixels in [0, %.4g]%s",
				c, s.Mean[c], -farthest*white, farthest*white, white, s.hintOfScale(v)))
		}
		if v := float64(s.Std[c]); !(v >= least*white && v <= farthest*white) {
			errs = append(errs, fmt.Errorf("std[%d] %v: must be between %.4g and %.4g, for pixels in [0, %.4g]%s",
				c, s.Std[c], least*white, farthest*white, white, s.hintOfScale(v)))
		}
	}
	return errors.Join(errs...)
}

// hintOfScale says what is missing beside a mean or deviation that is meant for pixels of 0 to 255.
func (s Spec) hintOfScale(v float64) string {
	if v > 1 && v <= 255 && s.scale() == DefaultScale {
		return "; for pixels in [0, 255] set scale to 1"
	}
	return ""
}

// PixelLen is the number of bytes of a resized image, Size×Size×3.
func (s Spec) PixelLen() int { return s.Size * s.Size * Channels }

// TensorLen is the number of values of one image's tensor, 3×Size×Size.
func (s Spec) TensorLen() int { return Channels * s.Size * s.Size }

// Normalize converts pixels, 8-bit RGB of shape [Size, Size, 3] as Pixels
// writes it, to (pixel·Scale - Mean)/Std in dst, of shape [3, Size, Size].
func (s Spec) Normalize(dst []float32, pixels []uint8) {
	plane := s.Size * s.Size
	pixels = pixels[:Channels*plane]
	for c := range Channels {
		table := s.table(c)
		source := c
		if s.ChannelOrder == ChannelsBGR {
			source = Channels - 1 - c
		}
		out := dst[c*plane : (c+1)*plane]
		for i := range out {
			out[i] = table[pixels[Channels*i+source]]
		}
	}
}

// table is what becomes of each value of a pixel in the tensor's channel c.
func (s Spec) table(c int) *[256]float32 {
	var table [256]float32
	for v := range table {
		scaled := float32(v) / 255
		if s.Scale != 0 {
			scaled = float32(float64(v) * s.Scale)
		}
		table[v] = (scaled - s.Mean[c]) / s.Std[c]
	}
	return &table
}
