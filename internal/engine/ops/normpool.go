// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import "github.com/trainyard-dev/trainyard/internal/engine/kernels"

// Batch normalisation, ReLU and 2×2 max pooling with stride 2 in one: the full-size activations are read once and never
// written, and the backward pass turns them into their gradients in place. All that it needs beside them is the choice of
// each window, described in choice.go.

// ImageShape is the shape of a batch of images.
type ImageShape struct {
	Batch, Channels, Height, Width int
}

// Len returns the number of elements.
func (s ImageShape) Len() int { return s.Batch * s.Channels * s.Height * s.Width }

// PooledLen returns the number of elements after 2×2 pooling with stride 2; an odd last row or column is left out.
func (s ImageShape) PooledLen() int { return s.Batch * s.Channels * (s.Height / 2) * (s.Width / 2) }

// ChoiceLen returns the number of words that the choices of all windows take.
func (s ImageShape) ChoiceLen() int {
	return s.Batch * s.Channels * (s.Height / 2) * kernels.ChoiceWords(s.Width/2)
}

func (s ImageShape) norm() NormShape {
	return NormShape{Batch: s.Batch, Channels: s.Channels, Plane: s.Height * s.Width}
}

// normPoolArgs are the arguments of one such operation.
type normPoolArgs struct {
	s                   ImageShape
	x, pooled           []float32
	choice              []uint16
	scale, shift        []float32
	gamma, mean, invStd []float32
	dgamma, dbeta       []float32
}

// NormReLUPoolTraining computes pooled = maxpool(max(0, batchnorm(x))) and records in choice, s.ChoiceLen() words, what the
// backward pass needs. The other arguments are those of BatchNormTraining. Height and Width are at least 2.
func (ws *Workspace) NormReLUPoolTraining(s ImageShape, x, gamma, beta []float32, eps, momentum float32,
	pooled []float32, choice []uint16, mean, invStd, runningMean, runningVar []float32) {
	checkLength("norm-relu-pool", "x", x, s.Len())
	checkLength("norm-relu-pool", "choice", choice, s.ChoiceLen())
	for _, p := range [][]float32{gamma, beta, mean, invStd, runningMean, runningVar} {
		checkLength("norm-relu-pool", "a per-channel slice", p, s.Channels)
	}
	ws.batchStatistics(s.norm(), x, eps, momentum, mean, invStd, runningMean, runningVar)
	ws.normReLUPool(s, x, gamma, beta, mean, invStd, pooled, choice)
}

// NormReLUPoolInference computes pooled = maxpool(max(0, batchnorm(x))) with given statistics.
func (ws *Workspace) NormReLUPoolInference(s ImageShape, x, gamma, beta, mean, variance []float32, eps float32, pooled []float32) {
	checkLength("norm-relu-pool", "x", x, s.Len())
	for _, p := range [][]float32{gamma, beta, mean, variance} {
		checkLength("norm-relu-pool", "a per-channel slice", p, s.Channels)
	}
	ws.normReLUPool(s, x, gamma, beta, mean, ws.inverseDeviations(variance[:s.Channels], eps), pooled, nil)
}

// normReLUPool runs the second pass, once the statistics are known.
func (ws *Workspace) normReLUPool(s ImageShape, x, gamma, beta, mean, invStd, pooled []float32, choice []uint16) {
	checkLength("norm-relu-pool", "pooled", pooled, s.PooledLen())
	ws.foldNorm(gamma, beta, mean, invStd, s.Channels)
	ws.normPool = normPoolArgs{s: s, x: x, pooled: pooled, choice: choice, scale: ws.scale, shift: ws.shift}
	ws.run(s.Batch*s.Channels, normPoolPart)
}

// foldNorm brings normalisation to the form scale·x + shift.
func (ws *Workspace) foldNorm(gamma, beta, mean, invStd []float32, channels int) {
	ws.scale, ws.shift = grow(ws.scale, channels), grow(ws.shift, channels)
	for c := range channels {
		ws.scale[c] = gamma[c] * invStd[c]
		ws.shift[c] = beta[c] - mean[c]*ws.scale[c]
	}
}

func normPoolPart(ws *Workspace, worker, part int) {
	a := &ws.normPool
	scale, shift := a.scale[part%a.s.Channels], a.shift[part%a.s.Channels]
	for row := range a.s.Height / 2 {
		top, bottom := a.rows(part, row)
		pooled, choice := a.windows(&ws.workers[worker], part, row)
		ws.set.NormPool(pooled, choice, top, bottom, scale, shift)
	}
}

// windows returns a row of windows' elements of pooled and their choices, which are the worker's scratch memory if nobody
// wants them.
func (a *normPoolArgs) windows(state *workerState, plane, row int) (pooled []float32, choice []uint16) {
	height, width := a.s.Height/2, a.s.Width/2
	at, words := plane*height+row, kernels.ChoiceWords(width)
	if a.choice == nil {
		state.choice = grow(state.choice, words)
		choice = state.choice
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
func (ws *Workspace) NormReLUPoolBackward(s ImageShape, x, dpooled []float32, choice []uint16,
	gamma, mean, invStd, dgamma, dbeta []float32) {
	checkLength("norm-relu-pool backward", "x", x, s.Len())
	checkLength("norm-relu-pool backward", "dpooled", dpooled, s.PooledLen())
	checkLength("norm-relu-pool backward", "choice", choice, s.ChoiceLen())
	for _, p := range [][]float32{gamma, mean, invStd, dgamma, dbeta} {
		checkLength("norm-relu-pool backward", "a per-channel slice", p, s.Channels)
	}
	planes := s.Batch * s.Channels
	ws.normPool = normPoolArgs{
		s: s, x: x, pooled: dpooled, choice: choice, gamma: gamma, mean: mean, invStd: invStd, dgamma: dgamma, dbeta: dbeta,
	}
	ws.moments = grow(ws.moments, planes)
	ws.run(planes, normPoolSumsPart)
	for c := range s.Channels {
		var sum, dot float64
		for plane := c; plane < planes; plane += s.Channels {
			sum += ws.moments[plane].mean
			dot += ws.moments[plane].squares
		}
		dbeta[c], dgamma[c] = float32(sum), float32(dot*float64(invStd[c]))
	}
	ws.run(planes, normPoolBackwardPart)
}

// normPoolSumsPart leaves Σd and Σ d·(x-mean) of one plane's chosen pixels in its moments.
func normPoolSumsPart(ws *Workspace, worker, part int) {
	a := &ws.normPool
	mean := a.mean[part%a.s.Channels]
	var total moments
	for row := range a.s.Height / 2 {
		top, bottom := a.rows(part, row)
		d, choice := a.windows(&ws.workers[worker], part, row)
		sum, dot := ws.set.NormPoolSums(d, choice, top, bottom, mean)
		total.mean += float64(sum)
		total.squares += float64(dot)
	}
	ws.moments[part] = total
}

// normPoolBackwardPart turns one plane into its gradient: dx = gamma·invStd·(d - dbeta/m - x̂·dgamma/m), where d is 0 but
// for chosen pixels.
func normPoolBackwardPart(ws *Workspace, worker, part int) {
	a := &ws.normPool
	c := part % a.s.Channels
	count := float64(a.s.Batch * a.s.Height * a.s.Width)
	invStd := float64(a.invStd[c])
	scale := float64(a.gamma[c]) * invStd
	ofX := -scale * invStd * float64(a.dgamma[c]) / count
	shift := -scale*float64(a.dbeta[c])/count - ofX*float64(a.mean[c])
	for row := range a.s.Height / 2 {
		top, bottom := a.rows(part, row)
		d, choice := a.windows(&ws.workers[worker], part, row)
		ws.set.NormPoolBackward(top, bottom, d, choice, float32(scale), float32(ofX), float32(shift))
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
