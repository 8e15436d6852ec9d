// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"errors"
	"fmt"
	"math"
)

// ConvShape describes a two-dimensional convolution as ONNX's Conv does: input [Batch, InChannels, InHeight, InWidth],
// weights [OutChannels, InChannels/Groups, KernelH, KernelW], output [Batch, OutChannels, OutHeight(), OutWidth()].
// Zero strides, dilations and groups mean 1.
type ConvShape struct {
	Batch, InChannels, InHeight, InWidth int
	OutChannels, KernelH, KernelW        int
	StrideH, StrideW                     int
	PadTop, PadLeft, PadBottom, PadRight int
	DilationH, DilationW                 int
	Groups                               int
}

// WithDefaults replaces zero strides, dilations and groups by 1.
func (s ConvShape) WithDefaults() ConvShape {
	s.StrideH, s.StrideW = max(s.StrideH, 1), max(s.StrideW, 1)
	s.DilationH, s.DilationW = max(s.DilationH, 1), max(s.DilationW, 1)
	s.Groups = max(s.Groups, 1)
	return s
}

// OutHeight returns the height of the output.
func (s ConvShape) OutHeight() int {
	s = s.WithDefaults()
	return outputSize(s.InHeight, s.KernelH, s.StrideH, s.DilationH, s.PadTop+s.PadBottom)
}

// OutWidth returns the width of the output.
func (s ConvShape) OutWidth() int {
	s = s.WithDefaults()
	return outputSize(s.InWidth, s.KernelW, s.StrideW, s.DilationW, s.PadLeft+s.PadRight)
}

// InLen returns the number of elements of the input.
func (s ConvShape) InLen() int { return s.Batch * s.InChannels * s.InHeight * s.InWidth }

// OutLen returns the number of elements of the output.
func (s ConvShape) OutLen() int { return s.Batch * s.OutChannels * s.OutHeight() * s.OutWidth() }

// WeightLen returns the number of elements of the weights.
func (s ConvShape) WeightLen() int {
	return s.OutChannels * (s.InChannels / max(s.Groups, 1)) * s.KernelH * s.KernelW
}

// Is3x3 reports whether this is a 3×3 convolution with stride 1 of all channels.
func (s ConvShape) Is3x3() bool {
	s = s.WithDefaults()
	return s.KernelH == 3 && s.KernelW == 3 && s.StrideH == 1 && s.StrideW == 1 && s.DilationH == 1 && s.DilationW == 1 &&
		s.Groups == 1 && max(s.PadTop, s.PadLeft, s.PadBottom, s.PadRight) <= 2
}

// OutPlane returns the number of pixels of an output plane.
func (s ConvShape) OutPlane() int { return s.OutHeight() * s.OutWidth() }

// Validate reports what makes the shape impossible. Kernels assume a valid shape.
func (s ConvShape) Validate() error {
	s = s.WithDefaults()
	if err := positive(
		dimension{"batch", s.Batch},
		dimension{"input channels", s.InChannels},
		dimension{"input height", s.InHeight},
		dimension{"input width", s.InWidth},
		dimension{"output channels", s.OutChannels},
		dimension{"kernel height", s.KernelH},
		dimension{"kernel width", s.KernelW},
	); err != nil {
		return fmt.Errorf("convolution: %w", err)
	}
	if min(s.PadTop, s.PadLeft, s.PadBottom, s.PadRight) < 0 {
		return errors.New("convolution: a pad is negative")
	}
	if s.InChannels%s.Groups != 0 || s.OutChannels%s.Groups != 0 {
		return fmt.Errorf("convolution: %d input and %d output channels do not divide into %d groups",
			s.InChannels, s.OutChannels, s.Groups)
	}
	if s.OutHeight() < 1 || s.OutWidth() < 1 {
		return fmt.Errorf("convolution: kernel %d×%d is larger than the padded input %d×%d", s.KernelH, s.KernelW,
			s.InHeight+s.PadTop+s.PadBottom, s.InWidth+s.PadLeft+s.PadRight)
	}
	return nil
}

// PoolShape describes two-dimensional pooling: input [Batch, Channels, InHeight, InWidth], output
// [Batch, Channels, OutHeight(), OutWidth()]. Zero strides and dilations mean 1.
type PoolShape struct {
	Batch, Channels, InHeight, InWidth   int
	KernelH, KernelW                     int
	StrideH, StrideW                     int
	PadTop, PadLeft, PadBottom, PadRight int
	DilationH, DilationW                 int
	// CeilMode rounds the output size up, as ONNX's ceil_mode does. A last window that would start in the end padding
	// is left out, as in PyTorch.
	CeilMode bool
}

// WithDefaults replaces zero strides and dilations by 1.
func (s PoolShape) WithDefaults() PoolShape {
	s.StrideH, s.StrideW = max(s.StrideH, 1), max(s.StrideW, 1)
	s.DilationH, s.DilationW = max(s.DilationH, 1), max(s.DilationW, 1)
	return s
}

// OutHeight returns the height of the output.
func (s PoolShape) OutHeight() int {
	s = s.WithDefaults()
	return s.outSize(s.InHeight, s.KernelH, s.StrideH, s.DilationH, s.PadTop, s.PadBottom)
}

// OutWidth returns the width of the output.
func (s PoolShape) OutWidth() int {
	s = s.WithDefaults()
	return s.outSize(s.InWidth, s.KernelW, s.StrideW, s.DilationW, s.PadLeft, s.PadRight)
}

func (s PoolShape) outSize(in, kernel, stride, dilation, before, after int) int {
	if !s.CeilMode {
		return outputSize(in, kernel, stride, dilation, before+after)
	}
	size := outputSize(in, kernel, stride, dilation, before+after+stride-1)
	if (size-1)*stride >= in+before {
		size--
	}
	return size
}

// InLen returns the number of elements of the input.
func (s PoolShape) InLen() int { return s.Batch * s.Channels * s.InHeight * s.InWidth }

// OutLen returns the number of elements of the output.
func (s PoolShape) OutLen() int { return s.Batch * s.Channels * s.OutHeight() * s.OutWidth() }

// Validate reports what makes the shape impossible. Kernels assume a valid shape.
func (s PoolShape) Validate() error {
	s = s.WithDefaults()
	if err := positive(
		dimension{"batch", s.Batch},
		dimension{"channels", s.Channels},
		dimension{"input height", s.InHeight},
		dimension{"input width", s.InWidth},
		dimension{"kernel height", s.KernelH},
		dimension{"kernel width", s.KernelW},
	); err != nil {
		return fmt.Errorf("pooling: %w", err)
	}
	if min(s.PadTop, s.PadLeft, s.PadBottom, s.PadRight) < 0 {
		return errors.New("pooling: a pad is negative")
	}
	if max(s.PadTop, s.PadBottom) > s.DilationH*(s.KernelH-1) || max(s.PadLeft, s.PadRight) > s.DilationW*(s.KernelW-1) {
		return errors.New("pooling: a pad is as large as the kernel, so a window would cover padding only")
	}
	if s.OutHeight() < 1 || s.OutWidth() < 1 {
		return fmt.Errorf("pooling: kernel %d×%d is larger than the padded input %d×%d", s.KernelH, s.KernelW,
			s.InHeight+s.PadTop+s.PadBottom, s.InWidth+s.PadLeft+s.PadRight)
	}
	return nil
}

// NormShape is the shape of a batch normalization: Batch images of Channels planes of Plane elements.
type NormShape struct {
	Batch, Channels, Plane int
}

// Len returns the number of elements.
func (s NormShape) Len() int { return s.Batch * s.Channels * s.Plane }

// ImageShape is the shape of a batch of images.
type ImageShape struct {
	Batch, Channels, Height, Width int
}

// Len returns the number of elements.
func (s ImageShape) Len() int { return s.Batch * s.Channels * s.Height * s.Width }

// PooledLen returns the number of elements after 2×2 pooling with stride 2; an odd last row or column is left out.
func (s ImageShape) PooledLen() int { return s.Batch * s.Channels * (s.Height / 2) * (s.Width / 2) }

// outputSize is the number of positions at which a dilated kernel fits, or a number below 1 if it does not.
func outputSize(in, kernel, stride, dilation, pads int) int {
	span := in + pads - dilation*(kernel-1) - 1
	if span < 0 {
		return 0
	}
	return span/stride + 1
}

// dimension is a size and what to call it in an error.
type dimension struct {
	name string
	size int
}

// positive reports the first size that is not in [1, MaxInt32].
func positive(dimensions ...dimension) error {
	for _, d := range dimensions {
		if d.size < 1 || d.size > math.MaxInt32 {
			return fmt.Errorf("%s is %d: it must be at least 1", d.name, d.size)
		}
	}
	return nil
}
