// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package pooling

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// globalArgs are the arguments of one pooling of whole planes, or of its gradient.
type globalArgs struct {
	s    tensor.NormShape
	x, y []float32
}

// GlobalAverage computes y[n, c] = mean of plane (n, c) of x.
func GlobalAverage(ws *exec.Workspace, s tensor.NormShape, x, y []float32) {
	exec.CheckLength("global average pool", "x", x, s.Len())
	exec.CheckLength("global average pool", "y", y, s.Batch*s.Channels)
	states.Of(ws).global = globalArgs{s: s, x: x, y: y}
	ws.Run(s.Batch*s.Channels, globalAveragePart)
}

func globalAveragePart(ws *exec.Workspace, _, part int) {
	n := &states.Of(ws).global
	n.y[part] = float32(ws.Kernels().Sum(n.x[part*n.s.Plane:][:n.s.Plane]) / float64(n.s.Plane))
}

// GlobalAverageBackward computes dx = dy[n, c] / plane for every pixel of plane (n, c).
func GlobalAverageBackward(ws *exec.Workspace, s tensor.NormShape, dy, dx []float32) {
	exec.CheckLength("global average pool backward", "dy", dy, s.Batch*s.Channels)
	exec.CheckLength("global average pool backward", "dx", dx, s.Len())
	states.Of(ws).global = globalArgs{s: s, y: dy, x: dx}
	ws.Run(s.Batch*s.Channels, globalAverageBackwardPart)
}

func globalAverageBackwardPart(ws *exec.Workspace, _, part int) {
	n := &states.Of(ws).global
	v := n.y[part] / float32(n.s.Plane)
	dx := n.x[part*n.s.Plane:][:n.s.Plane]
	for i := range dx {
		dx[i] = v
	}
}
