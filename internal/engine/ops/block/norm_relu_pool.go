// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/norm"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Batch normalization, ReLU and 2×2 max pooling with stride 2 in one: the full-size activations are read once and never
// written, and the backward pass turns them into their gradients in place. All that it needs beside them is the choice of
// each window, described in choice.go.

// ChoiceLen returns the number of words that the choices of all windows take.
func ChoiceLen(s tensor.ImageShape) int {
	return s.Batch * s.Channels * (s.Height / 2) * kernels.ChoiceWords(s.Width/2)
}

func planesOf(s tensor.ImageShape) tensor.NormShape {
	return tensor.NormShape{Batch: s.Batch, Channels: s.Channels, Plane: s.Height * s.Width}
}

// normPoolArgs are the arguments of one such operation.
type normPoolArgs struct {
	s                   tensor.ImageShape
	x, pooled           []float32
	choice              []uint16
	scale, shift        []float32
	gamma, mean, invStd []float32
	dgamma, dbeta       []float32
}

// NormReLUPoolTraining computes pooled = maxpool(max(0, batchnorm(x))) and records in choice, s.ChoiceLen() words, what the
// backward pass needs. The other arguments are those of norm.BatchTraining. Height and Width are at least 2.
func NormReLUPoolTraining(ws *exec.Workspace, s tensor.ImageShape, x, gamma, beta []float32, eps, momentum float32,
	pooled []float32, choice []uint16, mean, invStd, runningMean, runningVar []float32) {
	exec.CheckLength("norm-relu-pool", "x", x, s.Len())
	exec.CheckLength("norm-relu-pool", "choice", choice, ChoiceLen(s))
	for _, p := range [][]float32{gamma, beta, mean, invStd, runningMean, runningVar} {
		exec.CheckLength("norm-relu-pool", "a per-channel slice", p, s.Channels)
	}
	norm.BatchStatistics(ws, planesOf(s), x, eps, momentum, mean, invStd, runningMean, runningVar)
	normReLUPool(ws, s, x, gamma, beta, mean, invStd, pooled, choice)
}

// NormReLUPoolInference computes pooled = maxpool(max(0, batchnorm(x))) with given statistics.
func NormReLUPoolInference(ws *exec.Workspace, s tensor.ImageShape, x, gamma, beta, mean, variance []float32, eps float32, pooled []float32) {
	exec.CheckLength("norm-relu-pool", "x", x, s.Len())
	for _, p := range [][]float32{gamma, beta, mean, variance} {
		exec.CheckLength("norm-relu-pool", "a per-channel slice", p, s.Channels)
	}
	normReLUPool(ws, s, x, gamma, beta, mean, norm.InverseDeviations(ws, variance[:s.Channels], eps), pooled, nil)
}

// normReLUPool runs the second pass, once the statistics are known.
func normReLUPool(ws *exec.Workspace, s tensor.ImageShape, x, gamma, beta, mean, invStd, pooled []float32, choice []uint16) {
	st := states.Of(ws)
	exec.CheckLength("norm-relu-pool", "pooled", pooled, s.PooledLen())
	foldNorm(ws, gamma, beta, mean, invStd, s.Channels)
	st.workers = exec.Grow(st.workers, ws.Threads())
	st.normPool = normPoolArgs{s: s, x: x, pooled: pooled, choice: choice, scale: st.scale, shift: st.shift}
	ws.Run(s.Batch*s.Channels, normPoolPart)
}

// foldNorm brings normalization to the form scale·x + shift.
func foldNorm(ws *exec.Workspace, gamma, beta, mean, invStd []float32, channels int) {
	st := states.Of(ws)
	st.scale, st.shift = exec.Grow(st.scale, channels), exec.Grow(st.shift, channels)
	for c := range channels {
		st.scale[c] = gamma[c] * invStd[c]
		st.shift[c] = beta[c] - mean[c]*st.scale[c]
	}
}

func normPoolPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	a := &st.normPool
	scale, shift := a.scale[part%a.s.Channels], a.shift[part%a.s.Channels]
	for row := range a.s.Height / 2 {
		top, bottom := a.rows(part, row)
		pooled, choice := a.windows(&st.workers[worker], part, row)
		ws.Kernels().NormPool(pooled, choice, top, bottom, scale, shift)
	}
}

// windows returns a row of windows' elements of pooled and their choices, which are the worker's scratch memory if nobody
// wants them.
func (a *normPoolArgs) windows(own *worker, plane, row int) (pooled []float32, choice []uint16) {
	height, width := a.s.Height/2, a.s.Width/2
	at, words := plane*height+row, kernels.ChoiceWords(width)
	if a.choice == nil {
		own.choice = exec.Grow(own.choice, words)
		choice = own.choice
	} else {
		choice = a.choice[at*words:]
	}
	return a.pooled[at*width:][:width], choice[:words]
}

// rows returns the two rows of x that a row of windows covers, without an odd last column.
func (a *normPoolArgs) rows(plane, row int) (top, bottom []float32) {
	x := a.x[plane*a.s.Height*a.s.Width:][:a.s.Height*a.s.Width]
	even := a.s.Width &^ 1
	return x[2*row*a.s.Width:][:even], x[(2*row+1)*a.s.Width:][:even]
}

// NormReLUPoolBackward replaces x by the gradient of the loss with respect to it, given dpooled and what
// NormReLUPoolTraining left in choice, mean and invStd. dgamma and dbeta are overwritten.
func NormReLUPoolBackward(ws *exec.Workspace, s tensor.ImageShape, x, dpooled []float32, choice []uint16,
	gamma, mean, invStd, dgamma, dbeta []float32) {
	st := states.Of(ws)
	exec.CheckLength("norm-relu-pool backward", "x", x, s.Len())
	exec.CheckLength("norm-relu-pool backward", "dpooled", dpooled, s.PooledLen())
	exec.CheckLength("norm-relu-pool backward", "choice", choice, ChoiceLen(s))
	for _, p := range [][]float32{gamma, mean, invStd, dgamma, dbeta} {
		exec.CheckLength("norm-relu-pool backward", "a per-channel slice", p, s.Channels)
	}
	planes := s.Batch * s.Channels
	st.workers = exec.Grow(st.workers, ws.Threads())
	st.normPool = normPoolArgs{
		s: s, x: x, pooled: dpooled, choice: choice, gamma: gamma, mean: mean, invStd: invStd, dgamma: dgamma, dbeta: dbeta,
	}
	st.moments = exec.Grow(st.moments, planes)
	ws.Run(planes, normPoolSumsPart)
	for c := range s.Channels {
		var sum, dot float64
		for plane := c; plane < planes; plane += s.Channels {
			sum += st.moments[plane].Mean
			dot += st.moments[plane].Squares
		}
		dbeta[c], dgamma[c] = float32(sum), float32(dot*float64(invStd[c]))
	}
	ws.Run(planes, normPoolBackwardPart)
}

// normPoolSumsPart leaves Σd and Σ d·(x-mean) of one plane's chosen pixels in its moments.
func normPoolSumsPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	a := &st.normPool
	mean := a.mean[part%a.s.Channels]
	var total norm.Moments
	for row := range a.s.Height / 2 {
		top, bottom := a.rows(part, row)
		d, choice := a.windows(&st.workers[worker], part, row)
		sum, dot := ws.Kernels().NormPoolSums(d, choice, top, bottom, mean)
		total.Mean += float64(sum)
		total.Squares += float64(dot)
	}
	st.moments[part] = total
}

// normPoolBackwardPart turns one plane into its gradient: dx = gamma·invStd·(d - dbeta/m - x̂·dgamma/m), where d is 0 but
// for chosen pixels.
func normPoolBackwardPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	a := &st.normPool
	c := part % a.s.Channels
	count := float64(a.s.Batch * a.s.Height * a.s.Width)
	invStd := float64(a.invStd[c])
	scale := float64(a.gamma[c]) * invStd
	ofX := -scale * invStd * float64(a.dgamma[c]) / count
	shift := -scale*float64(a.dbeta[c])/count - ofX*float64(a.mean[c])
	for row := range a.s.Height / 2 {
		top, bottom := a.rows(part, row)
		d, choice := a.windows(&st.workers[worker], part, row)
		ws.Kernels().NormPoolBackward(top, bottom, d, choice, float32(scale), float32(ofX), float32(shift))
	}
	a.unpooled(part, float32(ofX), float32(shift))
}

// unpooled treats the pixels of an odd last row and column, which no window covers.
func (a *normPoolArgs) unpooled(plane int, ofX, shift float32) {
	x := a.x[plane*a.s.Height*a.s.Width:][:a.s.Height*a.s.Width]
	if a.s.Width%2 == 1 {
		for i := a.s.Width - 1; i < a.s.Height/2*2*a.s.Width; i += a.s.Width {
			x[i] = ofX*x[i] + shift
		}
	}
	if a.s.Height%2 == 1 {
		last := x[(a.s.Height-1)*a.s.Width:]
		for i, v := range last {
			last[i] = ofX*v + shift
		}
	}
}
