// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// ReLUPool computes pooled = maxpool(max(0, x)) over windows of 2×2 with stride 2. Unless it is nil, choice, s.ChoiceLen()
// words, receives what the backward pass needs. Height and Width are at least 2.
func ReLUPool(ws *exec.Workspace, s tensor.ImageShape, x, pooled []float32, choice []uint16) {
	st := states.Of(ws)
	exec.CheckLength("relu-pool", "x", x, s.Len())
	exec.CheckLength("relu-pool", "pooled", pooled, s.PooledLen())
	if choice != nil {
		exec.CheckLength("relu-pool", "choice", choice, ChoiceLen(s))
	}
	st.scale, st.shift = exec.Grow(st.scale, s.Channels), exec.Grow(st.shift, s.Channels)
	for c := range s.Channels {
		st.scale[c], st.shift[c] = 1, 0
	}
	st.workers = exec.Grow(st.workers, ws.Threads())
	st.normPool = normPoolArgs{s: s, x: x, pooled: pooled, choice: choice, scale: st.scale, shift: st.shift}
	ws.Run(s.Batch*s.Channels, normPoolPart)
}

// ReLUPoolBackward sends each element of dpooled to the pixel that choice, as ReLUPool left it, names. dx is overwritten;
// it may be the x of ReLUPool.
func ReLUPoolBackward(ws *exec.Workspace, s tensor.ImageShape, dpooled []float32, choice []uint16, dx []float32) {
	st := states.Of(ws)
	exec.CheckLength("relu-pool backward", "dpooled", dpooled, s.PooledLen())
	exec.CheckLength("relu-pool backward", "choice", choice, ChoiceLen(s))
	exec.CheckLength("relu-pool backward", "dx", dx, s.Len())
	st.workers = exec.Grow(st.workers, ws.Threads())
	st.normPool = normPoolArgs{s: s, x: dx, pooled: dpooled, choice: choice}
	ws.Run(s.Batch*s.Channels, reluPoolBackwardPart)
}

func reluPoolBackwardPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	a := &st.normPool
	dx := a.x[part*a.s.Height*a.s.Width:][:a.s.Height*a.s.Width]
	for row := range a.s.Height / 2 {
		top, bottom := a.rows(part, row)
		d, choice := a.windows(&st.workers[worker], part, row)
		ws.Kernels().Unpool(top, bottom, d, choice)
	}
	if a.s.Width%2 == 1 {
		for i := a.s.Width - 1; i < len(dx); i += a.s.Width {
			dx[i] = 0
		}
	}
	clear(dx[a.s.Height/2*2*a.s.Width:])
}
