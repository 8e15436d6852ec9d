// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// method is a way to compute a convolution of 8 bits.
type method int

const (
	byDefinition method = iota // the reference of all sets
	byWinograd
	byWords  // direct, by DotTiles, for any weights
	byBytes  // direct, by DotBytes
	byPlanes // depthwise
)

// choose decides how the convolution is computed, by what the kernel set has, the shape and the weights.
func (p *Prepared) choose(loops *kernels.Quantized) method {
	s := p.Shape
	depthwise := s.Groups > 1
	switch {
	case loops == nil, depthwise && (s.KernelH != 3 || s.KernelW != 3 || loops.Depthwise == nil):
		return byDefinition
	case depthwise:
		return byPlanes
	case loops.WinogradInput != nil && p.winogradFits():
		return byWinograd
	case p.exceeds(loops.BytesLimit):
		return byWords
	default:
		return byBytes
	}
}

// pack brings the weights into the form that the method wants.
func (p *Prepared) pack(loops *kernels.Quantized) {
	switch p.method {
	case byDefinition:
		p.packByTaps()
	case byPlanes:
		p.packDepthwise(loops.DepthwiseLimit)
	case byWinograd:
		p.transformWeights()
	case byWords:
		p.packWidened()
	case byBytes:
		p.packBytes()
	}
}

// exceeds reports whether the magnitude of a weight is above a limit.
func (p *Prepared) exceeds(limit int) bool {
	return slices.ContainsFunc(p.Weights, func(w int8) bool { return max(int(w), -int(w)) > limit })
}

// winogradFits reports whether the convolution can be computed so, and whether that pays.
func (p *Prepared) winogradFits() bool {
	s := p.Shape
	if !s.Is3x3() || s.InChannels%winogradChannels != 0 || s.OutChannels%winogradChannels != 0 ||
		exec.CeilDiv(s.OutHeight(), winogradTile)*exec.CeilDiv(s.OutWidth(), winogradTile) < winogradLeastTiles {
		return false
	}
	filter := s.InChannels * 9
	for k := range s.OutChannels {
		var negative, positive int
		for _, w := range p.Weights[k*filter:][:filter] {
			negative += min(int(w), 0)
			positive += max(int(w), 0)
		}
		if max(positive, -negative)*255 > winogradLimit {
			return false
		}
	}
	return true
}
