// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/pooling"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Epilogue is what happens to a convolution's output before it is stored: first the addition, then ReLU, then the maximum
// of 2×2 pixels, an odd last row or column being left out.
type Epilogue struct {
	// Add says that what the output holds already is added, for which Adds must hold. It excludes Max.
	Add  bool
	ReLU bool
	// Ceiling is an upper bound on what ReLU lets through, such as ReLU6's; 0 means none.
	Ceiling float32
	MaxPool bool
}

// floor returns the lower bound of outputs.
func (e Epilogue) floor() float32 {
	if e.ReLU {
		return 0
	}
	return float32(math.Inf(-1))
}

// ceiling returns the upper bound of outputs.
func (e Epilogue) ceiling() float32 {
	if e.ReLU && e.Ceiling > 0 {
		return e.Ceiling
	}
	return float32(math.Inf(1))
}

// Prepared is a convolution whose weights, known beforehand, have been brought into the form that suits the kernel
// set and the shape best. It may be shared: running it does not change it.
type Prepared struct {
	s        tensor.ConvShape // Batch is 1
	set      *kernels.Set
	method   convMethod
	w, bias  []float32
	u        []float32 // the weights as the method wants them
	epilogue Epilogue
}

// convMethod is a way to compute a convolution.
type convMethod int

const (
	byDefinition convMethod = iota // as Forward does
	byTiles                        // directConv3x3
	byWinograd
	byColumns
	byPlanes // depthwise
)

// preparedWinogradTiles is the least number of tiles of an image for which Winograd's algorithm pays once the weights
// are transformed; with fewer, reading them takes longer than the products they save.
const preparedWinogradTiles = 12

// Prepare prepares the convolution of shape s, whose Batch does not matter, for workspaces with the kernel set of ws.
// bias may be nil. w and bias must not change any more.
func Prepare(ws *exec.Workspace, s tensor.ConvShape, w, bias []float32, e Epilogue) *Prepared {
	exec.CheckLength("prepare conv2d", "w", w, s.WeightLen())
	if e.Add && (e.MaxPool || !Adds(ws, s)) {
		panic("engine: prepare conv2d: this convolution does not add to its output")
	}
	s = s.WithDefaults()
	s.Batch = 1
	p := &Prepared{s: s, set: ws.Kernels(), w: w, bias: bias, epilogue: e, method: chooseMethod(ws, s)}
	switch p.method {
	case byWinograd:
		p.u = make([]float32, winogradWeights(s))
		transformWeights(ws, s, w, p.u, false)
	case byTiles:
		p.u = make([]float32, s.WeightLen())
		PackDirect(ws, s, w, p.u, false)
	case byColumns:
		p.u = make([]float32, columnWeights(s))
		packColumnWeights(ws, s, w, p.u)
		p.bias = make([]float32, s.Groups*exec.CeilDiv(s.OutChannels/s.Groups, quad)*quad)
		padBias(s, bias, p.bias)
	}
	return p
}

// Adds reports whether a prepared convolution of this shape can add to what its output holds.
func Adds(ws *exec.Workspace, s tensor.ConvShape) bool {
	return chooseMethod(ws, s) == byColumns && ws.Kernels().RowsAccumulations != nil
}

// chooseMethod chooses how to compute a convolution with prepared weights.
func chooseMethod(ws *exec.Workspace, s tensor.ConvShape) convMethod {
	switch {
	case winogradFits(ws, s) && imageTiles(s) >= preparedWinogradTiles:
		return byWinograd
	case FitsDirect(ws, s):
		return byTiles
	case columnsFit(ws, s):
		return byColumns
	case planesFit(ws, s):
		return byPlanes
	default:
		return byDefinition
	}
}

// OutLen returns the number of elements of the output for a batch.
func (p *Prepared) OutLen(batch int) int {
	n := batch * p.s.OutChannels
	if p.epilogue.MaxPool {
		return n * (p.s.OutHeight() / 2) * (p.s.OutWidth() / 2)
	}
	return n * p.s.OutPlane()
}

// Run computes y = epilogue(conv(x, w) + bias) for a batch. y is overwritten, unless the epilogue adds to it, and
// overlaps no input.
func Run(ws *exec.Workspace, p *Prepared, batch int, x, y []float32) {
	st := states.Of(ws)
	if p.set != ws.Kernels() {
		panic("engine: the convolution was prepared for another kernel set")
	}
	s := p.s
	s.Batch = batch
	exec.CheckLength("prepared conv2d", "x", x, s.InLen())
	exec.CheckLength("prepared conv2d", "y", y, p.OutLen(batch))
	if p.epilogue.MaxPool && !p.poolsItself() {
		st.unpooled = exec.Grow(st.unpooled, s.OutLen())
		runUnpooled(ws, p, s, x, st.unpooled, Epilogue{ReLU: p.epilogue.ReLU, Ceiling: p.epilogue.Ceiling})
		pooling.Max(ws, tensor.PoolShape{
			Batch: batch, Channels: s.OutChannels, InHeight: s.OutHeight(), InWidth: s.OutWidth(),
			KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2,
		}, st.unpooled, y, nil)
		return
	}
	runUnpooled(ws, p, s, x, y, p.epilogue)
}

// poolsItself reports whether the method pools on the way.
func (p *Prepared) poolsItself() bool {
	return p.method == byWinograd || p.method == byTiles && p.s.OutHeight()%2 == 0
}

// runUnpooled runs the method with the part of the epilogue that it can do.
func runUnpooled(ws *exec.Workspace, p *Prepared, s tensor.ConvShape, x, y []float32, e Epilogue) {
	switch p.method {
	case byWinograd:
		runWinograd(ws, s, x, p.u, p.bias, y, e)
	case byTiles:
		directConv3x3(ws, s, x, p.u, p.bias, y, e)
	case byColumns:
		runColumns(ws, s, x, p.u, p.bias, y, e)
		return
	case byPlanes:
		runDepthwise(ws, s, x, p.w, p.bias, y, e)
		return
	default:
		Forward(ws, s, x, p.w, p.bias, y)
		if e.ReLU {
			elem.Apply(ws, elem.ReLU, 0, 0, y[:s.OutLen()], y)
		}
	}
	if e.ReLU && e.Ceiling > 0 {
		n := s.OutLen()
		if e.MaxPool {
			n = p.OutLen(s.Batch)
		}
		elem.Apply(ws, elem.Clip, 0, e.Ceiling, y[:n], y)
	}
}
