// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// method is a way to compute a convolution or the gradient of its weights.
type method int

const (
	byDefinition  method = iota // products of matrices, or plane by plane
	directly                    // 3×3, direct.go and direct_weights.go
	byWinograd                  // 3×3, winograd.go and winograd_weights.go
	byColumns                   // columns.go
	byPlaneStrips               // depthwise 3×3, depthwise_strips.go
	byStrips                    // depthwise 3×3, depthwise_in_place.go
	byPlanes                    // depthwise, depthwise.go
)

// preparedWinogradTiles is the least number of tiles of an image for which Winograd's algorithm pays once the weights
// are transformed; with fewer, reading them takes longer than the products they save.
const preparedWinogradTiles = 12

// choose decides how a convolution is computed: with weights that are known beforehand, whatever the batch, or else with
// weights that each call brings into the method's form.
func choose(ws *exec.Workspace, s tensor.ConvShape, prepared bool) method {
	tiles, least := s.Batch*imageTiles(s), winogradLeastTiles
	if prepared {
		tiles, least = imageTiles(s), preparedWinogradTiles
	}
	switch {
	case winogradFits(ws, s) && tiles >= least:
		return byWinograd
	case directFits(ws, s):
		return directly
	case columnsFit(ws, s):
		return byColumns
	case !planesFit(ws, s):
		return byDefinition
	case planeStripsFit(ws, s) && s.WithDefaults().StrideW == 1:
		return byPlaneStrips
	case stripsFit(ws, s):
		return byStrips
	default:
		return byPlanes
	}
}

// chooseData decides how the gradient of the input is computed: as the convolution that mirrored returns, or by definition.
func chooseData(ws *exec.Workspace, s tensor.ConvShape) method {
	if isPlain3x3(s) {
		if m := choose(ws, mirrored(s), false); m == byWinograd || m == directly {
			return m
		}
	}
	return byDefinition
}

// chooseWeights decides how the gradient of the weights is computed.
func chooseWeights(ws *exec.Workspace, s tensor.ConvShape) method {
	switch {
	case choose(ws, s, false) == byWinograd && min(s.InWidth, s.OutWidth()) >= lanes:
		return byWinograd
	case directWeightsFit(ws, s):
		return directly
	default:
		return byDefinition
	}
}

// Adds reports whether a prepared convolution of this shape can add to what its output holds.
func Adds(ws *exec.Workspace, s tensor.ConvShape) bool {
	return choose(ws, s, true) == byColumns && ws.Kernels().RowsAccumulations != nil
}

// Bands reports whether the set has the inner loops that compute this convolution, and the gradient of its weights, in bands.
func Bands(ws *exec.Workspace, s tensor.ConvShape) bool {
	return directFits(ws, s) && directWeightsFit(ws, s)
}

// Expands reports whether the set computes a 1×1 convolution of shape s and a depthwise one of shape d, which alone reads its
// output, in one step.
func Expands(ws *exec.Workspace, s, d tensor.ConvShape) bool {
	if !planeStripsFit(ws, d) || choose(ws, s, true) != byColumns {
		return false
	}
	c := &states.Of(ws).conv
	c.setUp(s)
	d = d.WithDefaults()
	return c.pointwise() && c.s.Groups == 1 && c.channelsOut%quad == 0 && columnBlock(ws, c) >= c.channelsIn &&
		(d.StrideW == 1 || d.InWidth%2 == 0) && d.PadBottom <= 2 // so that no band lies below the image
}

// winogradFits reports whether Winograd's algorithm pays for this convolution, not counting the weights' transform.
func winogradFits(ws *exec.Workspace, s tensor.ConvShape) bool {
	return ws.Kernels().Winograd != nil && isPlain3x3(s) && min(s.InChannels, s.OutChannels) >= winogradChannels &&
		min(s.OutHeight(), s.OutWidth()) >= winogradTile
}

// imageTiles returns the number of tiles of an output plane of one image.
func imageTiles(s tensor.ConvShape) int {
	return exec.CeilDiv(s.OutHeight(), winogradTile) * exec.CeilDiv(s.OutWidth(), winogradTile)
}

// isPlain3x3 reports whether this is a 3×3 convolution with stride 1 of all channels, their number a multiple of 4.
func isPlain3x3(s tensor.ConvShape) bool { return s.Is3x3() && s.OutChannels%quad == 0 }

// directFits reports whether the set computes this convolution directly.
func directFits(ws *exec.Workspace, s tensor.ConvShape) bool {
	return ws.Kernels().ConvTiles != nil && isPlain3x3(s) && s.OutWidth() >= ws.Kernels().ConvPixels
}

// directWeightsFit reports whether the set computes the gradient of this convolution's weights directly.
func directWeightsFit(ws *exec.Workspace, s tensor.ConvShape) bool {
	return ws.Kernels().ConvWeights != nil && isPlain3x3(s) && s.OutWidth() >= lanes
}

// columnsFit reports whether the set computes this convolution by columns.
func columnsFit(ws *exec.Workspace, s tensor.ConvShape) bool {
	s = s.WithDefaults()
	return ws.Kernels().RowsConvolutions != nil && (s.Groups == 1 || s.InChannels > s.Groups)
}

// planesFit reports whether the set has a kernel for this convolution.
func planesFit(ws *exec.Workspace, s tensor.ConvShape) bool {
	return ws.Kernels().DepthwisePlane != nil && s.Groups > 1 && s.InChannels == s.Groups
}

// stripsFit reports whether the set has a kernel for this convolution.
func stripsFit(ws *exec.Workspace, s tensor.ConvShape) bool {
	s = s.WithDefaults()
	return s.Groups > 1 && s.InChannels == s.Groups && s.KernelH == 3 && s.KernelW == 3 && s.DilationH == 1 && s.DilationW == 1 &&
		s.StrideH == s.StrideW && s.StrideW <= len(ws.Kernels().Depthwise3x3) && ws.Kernels().Depthwise3x3[s.StrideW-1] != nil
}

// planeStripsFit reports whether the set has a kernel for strips of several planes of this depthwise convolution. If the
// stride is 2, the even columns of its input must lie before the odd ones.
func planeStripsFit(ws *exec.Workspace, s tensor.ConvShape) bool {
	s = s.WithDefaults()
	return stripsFit(ws, s) && s.OutChannels == s.Groups && s.PadTop == 1 && s.PadLeft == 1 && s.OutWidth() >= lanes &&
		s.OutWidth() == exec.CeilDiv(s.InWidth, s.StrideW) && ws.Kernels().DepthwiseStrips[s.StrideW-1] != nil
}
