// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// Batch normalisation, ReLU and 2×2 max pooling with stride 2 in one: the full-size activations are read once and never
// written, and the backward pass turns them into their gradients in place. That pass needs one byte for each window: which
// pixel was chosen, or that ReLU cut it off.

// deadChoice marks a window whose output ReLU made 0, so that no gradient passes.
const deadChoice = 4

// ImageShape is the shape of a batch of images.
type ImageShape struct {
	Batch, Channels, Height, Width int
}

// Len returns the number of elements.
func (s ImageShape) Len() int { return s.Batch * s.Channels * s.Height * s.Width }

// PooledLen returns the number of elements after 2×2 pooling with stride 2; an odd last row or column is left out.
func (s ImageShape) PooledLen() int { return s.Batch * s.Channels * (s.Height / 2) * (s.Width / 2) }

func (s ImageShape) norm() NormShape {
	return NormShape{Batch: s.Batch, Channels: s.Channels, Plane: s.Height * s.Width}
}

// normPoolArgs are the arguments of one such operation.
type normPoolArgs struct {
	s                   ImageShape
	x, pooled           []float32
	choice              []uint8
	scale, shift        []float32
	gamma, mean, invStd []float32
	dgamma, dbeta       []float32
}

// NormReLUPoolTraining computes pooled = maxpool(max(0, batchnorm(x))) and records in choice what the backward pass needs,
// one byte for each element of pooled. The other arguments are those of BatchNormTraining. Height and Width are at least 2.
func (ws *Workspace) NormReLUPoolTraining(s ImageShape, x, gamma, beta []float32, eps, momentum float32,
	pooled []float32, choice []uint8, mean, invStd, runningMean, runningVar []float32) {
	checkLength("norm-relu-pool", "x", x, s.Len())
	checkLength("norm-relu-pool", "choice", choice, s.PooledLen())
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
func (ws *Workspace) normReLUPool(s ImageShape, x, gamma, beta, mean, invStd, pooled []float32, choice []uint8) {
	checkLength("norm-relu-pool", "pooled", pooled, s.PooledLen())
	ws.scale, ws.shift = grow(ws.scale, s.Channels), grow(ws.shift, s.Channels)
	for c := range s.Channels {
		ws.scale[c] = gamma[c] * invStd[c]
		ws.shift[c] = beta[c] - mean[c]*ws.scale[c]
	}
	ws.normPool = normPoolArgs{s: s, x: x, pooled: pooled, choice: choice, scale: ws.scale, shift: ws.shift}
	ws.run(s.Batch*s.Channels, normPoolPart)
}

func normPoolPart(ws *Workspace, worker, part int) {
	a := &ws.normPool
	height, width := a.s.Height/2, a.s.Width/2
	c := part % a.s.Channels
	for row := range height {
		top, bottom := a.rows(part, row)
		at := (part*height + row) * width
		var choice []uint8
		if a.choice != nil {
			choice = a.choice[at:][:width]
		} else {
			ws.workers[worker].choice = grow(ws.workers[worker].choice, width)
			choice = ws.workers[worker].choice[:width]
		}
		ws.set.normPool(a.pooled[at:][:width], choice, top, bottom, a.scale[c], a.shift[c])
	}
}

// rows returns the two rows of x that a row of windows covers, without an odd last column.
func (a *normPoolArgs) rows(plane, row int) (top, bottom []float32) {
	x := a.x[plane*a.s.Height*a.s.Width:][:a.s.Height*a.s.Width]
	even := a.s.Width &^ 1
	return x[2*row*a.s.Width:][:even], x[(2*row+1)*a.s.Width:][:even]
}

// NormReLUPoolBackward replaces x by the gradient of the loss with respect to it, given dpooled and what
// NormReLUPoolTraining left in choice, mean and invStd. dgamma and dbeta are overwritten.
func (ws *Workspace) NormReLUPoolBackward(s ImageShape, x, dpooled []float32, choice []uint8,
	gamma, mean, invStd, dgamma, dbeta []float32) {
	checkLength("norm-relu-pool backward", "x", x, s.Len())
	checkLength("norm-relu-pool backward", "dpooled", dpooled, s.PooledLen())
	checkLength("norm-relu-pool backward", "choice", choice, s.PooledLen())
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
func normPoolSumsPart(ws *Workspace, _, part int) {
	a := &ws.normPool
	height, width := a.s.Height/2, a.s.Width/2
	mean := a.mean[part%a.s.Channels]
	var total moments
	for row := range height {
		top, bottom := a.rows(part, row)
		at := (part*height + row) * width
		sum, dot := ws.set.normPoolSums(a.pooled[at:][:width], a.choice[at:][:width], top, bottom, mean)
		total.mean += float64(sum)
		total.squares += float64(dot)
	}
	ws.moments[part] = total
}

// normPoolBackwardPart turns one plane into its gradient: dx = gamma·invStd·(d - dbeta/m - x̂·dgamma/m), where d is 0 but
// for chosen pixels.
func normPoolBackwardPart(ws *Workspace, _, part int) {
	a := &ws.normPool
	height, width := a.s.Height/2, a.s.Width/2
	c := part % a.s.Channels
	count := float64(a.s.Batch * a.s.Height * a.s.Width)
	invStd := float64(a.invStd[c])
	scale := float64(a.gamma[c]) * invStd
	ofX := -scale * invStd * float64(a.dgamma[c]) / count
	shift := -scale*float64(a.dbeta[c])/count - ofX*float64(a.mean[c])
	for row := range height {
		top, bottom := a.rows(part, row)
		at := (part*height + row) * width
		ws.set.normPoolBackward(top, bottom, a.pooled[at:][:width], a.choice[at:][:width], float32(scale), float32(ofX), float32(shift))
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
		affine(last, last, ofX, shift)
	}
}

// normPoolRow is the portable normPool of a set.
func normPoolRow(out []float32, choice []uint8, top, bottom []float32, scale, shift float32) {
	choice, top, bottom = choice[:len(out)], top[:2*len(out)], bottom[:2*len(out)]
	for i := range out {
		best, at := scale*top[2*i]+shift, uint8(0)
		if v := scale*top[2*i+1] + shift; v > best || v != v {
			best, at = v, 1
		}
		if v := scale*bottom[2*i] + shift; v > best || v != v {
			best, at = v, 2
		}
		if v := scale*bottom[2*i+1] + shift; v > best || v != v {
			best, at = v, 3
		}
		best = max(best, 0)
		if !(best > 0) {
			at = deadChoice
		}
		out[i], choice[i] = best, at
	}
}

// normPoolSumsRow is the portable normPoolSums of a set.
func normPoolSumsRow(d []float32, choice []uint8, top, bottom []float32, mean float32) (sum, dot float32) {
	for i, g := range d {
		var x float32
		switch choice[i] {
		case 0, 1:
			x = top[2*i+int(choice[i])]
		case 2, 3:
			x = bottom[2*i+int(choice[i])-2]
		default:
			continue
		}
		sum += g
		dot += g * (x - mean)
	}
	return sum, dot
}

// normPoolBackwardRow is the portable normPoolBackward of a set.
func normPoolBackwardRow(top, bottom, d []float32, choice []uint8, scale, ofX, shift float32) {
	affine(top, top, ofX, shift)
	affine(bottom, bottom, ofX, shift)
	for i, g := range d {
		switch choice[i] {
		case 0, 1:
			top[2*i+int(choice[i])] += scale * g
		case 2, 3:
			bottom[2*i+int(choice[i])-2] += scale * g
		}
	}
}
