// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/pooling"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Epilogue is what happens to a convolution's output before it is stored: first the addition, then ReLU, then the maximum
// of 2×2 pixels, an odd last row or column being left out.
type Epilogue struct {
	// Add says that what the output holds already is added, for which Adds must hold. It excludes MaxPool.
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
	s   tensor.ConvShape // Batch is 1
	set *kernels.Set
	weights
	epilogue Epilogue
}

// Prepare prepares the convolution of shape s, whose Batch does not matter, for workspaces with the kernel set of ws.
// bias may be nil. w and bias must not change any more.
func Prepare(ws *exec.Workspace, s tensor.ConvShape, w, bias []float32, e Epilogue) *Prepared {
	exec.CheckLength("prepare conv2d", "w", w, s.WeightLen())
	if e.Add && (e.MaxPool || !Adds(ws, s)) {
		panic("engine: prepare conv2d: this convolution does not add to its output")
	}
	s = s.WithDefaults()
	s.Batch = 1
	p := &Prepared{s: s, set: ws.Kernels(), epilogue: e}
	p.method = choose(ws, s, true)
	p.pack(ws, s, w, bias, false)
	return p
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
	if p.epilogue.MaxPool && !p.pools(s) {
		st.unpooled = exec.Grow(st.unpooled, s.OutLen())
		p.run(ws, s, x, st.unpooled, Epilogue{ReLU: p.epilogue.ReLU, Ceiling: p.epilogue.Ceiling})
		pooling.Max(ws, tensor.PoolShape{
			Batch: batch, Channels: s.OutChannels, InHeight: s.OutHeight(), InWidth: s.OutWidth(),
			KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2,
		}, st.unpooled, y, nil)
		return
	}
	p.run(ws, s, x, y, p.epilogue)
}
