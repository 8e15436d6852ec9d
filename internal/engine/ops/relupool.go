// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

// ReLUPool computes pooled = maxpool(max(0, x)) over windows of 2×2 with stride 2. Unless it is nil, choice, s.ChoiceLen()
// words, receives what the backward pass needs. Height and Width are at least 2.
func (ws *Workspace) ReLUPool(s ImageShape, x, pooled []float32, choice []uint16) {
	checkLength("relu-pool", "x", x, s.Len())
	checkLength("relu-pool", "pooled", pooled, s.PooledLen())
	if choice != nil {
		checkLength("relu-pool", "choice", choice, s.ChoiceLen())
	}
	ws.scale, ws.shift = grow(ws.scale, s.Channels), grow(ws.shift, s.Channels)
	for c := range s.Channels {
		ws.scale[c], ws.shift[c] = 1, 0
	}
	ws.normPool = normPoolArgs{s: s, x: x, pooled: pooled, choice: choice, scale: ws.scale, shift: ws.shift}
	ws.run(s.Batch*s.Channels, normPoolPart)
}

// ReLUPoolBackward sends each element of dpooled to the pixel that choice, as ReLUPool left it, names. dx is overwritten;
// it may be the x of ReLUPool.
func (ws *Workspace) ReLUPoolBackward(s ImageShape, dpooled []float32, choice []uint16, dx []float32) {
	checkLength("relu-pool backward", "dpooled", dpooled, s.PooledLen())
	checkLength("relu-pool backward", "choice", choice, s.ChoiceLen())
	checkLength("relu-pool backward", "dx", dx, s.Len())
	ws.normPool = normPoolArgs{s: s, x: dx, pooled: dpooled, choice: choice}
	ws.run(s.Batch*s.Channels, reluPoolBackwardPart)
}

func reluPoolBackwardPart(ws *Workspace, worker, part int) {
	a := &ws.normPool
	dx := a.x[part*a.s.Height*a.s.Width:][:a.s.Height*a.s.Width]
	for row := range a.s.Height / 2 {
		top, bottom := a.rows(part, row)
		d, choice := a.windows(&ws.workers[worker], part, row)
		ws.set.Unpool(top, bottom, d, choice)
	}
	if a.s.Width%2 == 1 {
		for i := a.s.Width - 1; i < len(dx); i += a.s.Width {
			dx[i] = 0
		}
	}
	clear(dx[a.s.Height/2*2*a.s.Width:])
}
