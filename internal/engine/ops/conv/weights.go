// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// weights are those of a convolution, in the form that its method wants.
type weights struct {
	method  method
	w, bias []float32
	u       []float32 // packed or transformed
	padded  []float32 // the bias with room for missing output channels
}

// pack brings weights into the form of the method. bias may be nil. mirrored says that they belong to the convolution in the
// other direction.
func (p *weights) pack(ws *exec.Workspace, s tensor.ConvShape, w, bias []float32, mirrored bool) {
	p.w, p.bias = w, bias
	switch p.method {
	case byWinograd:
		p.u = exec.Grow(p.u, winogradWeights(s))
		transformWeights(ws, s, w, p.u, mirrored)
	case directly:
		p.u = exec.Grow(p.u, s.WeightLen())
		PackDirect(ws, s, w, p.u, mirrored)
	case byColumns:
		p.u = exec.Grow(p.u, columnWeights(s))
		packColumnWeights(ws, s, w, p.u)
		p.padded = exec.Grow(p.padded, s.Groups*exec.CeilDiv(s.OutChannels/s.Groups, quad)*quad)
		padBias(s, bias, p.padded)
		p.bias = p.padded
	}
}

// pools reports whether the method takes the maximum of 2×2 pixels on the way.
func (p *weights) pools(s tensor.ConvShape) bool {
	return p.method == byWinograd || p.method == directly && s.OutHeight()%2 == 0
}

// run computes y = epilogue(conv(x, w) + bias). Max pooling is for methods that pool.
func (p *weights) run(ws *exec.Workspace, s tensor.ConvShape, x, y []float32, e Epilogue) {
	switch p.method {
	case byColumns:
		runColumns(ws, s, x, p.u, p.bias, y, e)
		return
	case byPlaneStrips:
		wholeStrips(ws, s, x, p.w, p.bias, y, e)
		return
	case byStrips:
		runStrips(ws, s, x, p.w, p.bias, y, e)
		return
	case byPlanes:
		runPlanes(ws, s, x, p.w, p.bias, y, e)
		return
	case byWinograd:
		runWinograd(ws, s, x, p.u, p.bias, y, e)
	case directly:
		runDirect(ws, s, x, p.u, p.bias, y, e)
	case byDefinition:
		define(ws, s, x, p.w, p.bias, y)
		if e.ReLU {
			elem.Apply(ws, elem.ReLU, 0, 0, y[:s.OutLen()], y)
		}
	}
	if e.ReLU && e.Ceiling > 0 {
		n := s.OutLen()
		if e.MaxPool {
			n = s.Batch * s.OutChannels * (s.OutHeight() / 2) * (s.OutWidth() / 2)
		}
		elem.Apply(ws, elem.Clip, 0, e.Ceiling, y[:n], y)
	}
}
