// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import "math"

// normArgs are the arguments of one normalisation.
type normArgs struct {
	s             NormShape
	x, y, dy, dx  []float32
	gamma, beta   []float32
	mean, invStd  []float32
	dgamma, dbeta []float32
}

// moments are the mean of a plane and its sum of squared deviations from it.
type moments struct{ mean, squares float64 }

// BatchNormTraining normalises each channel with the statistics of this batch:
// y = gamma·(x-mean)/√(variance+eps) + beta, with the biased variance. It leaves the batch's mean and 1/√(variance+eps)
// in mean and invStd for the backward pass and moves the running statistics towards the batch's, as PyTorch does:
// running = (1-momentum)·running + momentum·batch, with the unbiased variance. y may be x.
// The per-channel slices have s.Channels elements.
func (ws *Workspace) BatchNormTraining(s NormShape, x, gamma, beta []float32, eps, momentum float32,
	y, mean, invStd, runningMean, runningVar []float32) {
	checkLength("batch norm", "x", x, s.Len())
	checkLength("batch norm", "y", y, s.Len())
	for _, p := range [][]float32{gamma, beta, mean, invStd, runningMean, runningVar} {
		checkLength("batch norm", "a per-channel slice", p, s.Channels)
	}
	ws.batchStatistics(s, x, eps, momentum, mean, invStd, runningMean, runningVar)
	ws.norm = normArgs{s: s, x: x, y: y, gamma: gamma, beta: beta, mean: mean, invStd: invStd}
	ws.run(s.Batch*s.Channels, normalisePart)
}

// batchStatistics computes the batch's mean and 1/√(variance+eps) of each channel and updates the running statistics.
func (ws *Workspace) batchStatistics(s NormShape, x []float32, eps, momentum float32, mean, invStd, runningMean, runningVar []float32) {
	ws.norm = normArgs{s: s, x: x}
	ws.moments = grow(ws.moments, s.Batch*s.Channels)
	ws.run(s.Batch*s.Channels, planeMomentsPart)
	batch := statistics{mean, invStd, runningMean, runningVar}
	for c := range s.Channels {
		batch.record(c, ws.channelMoments(c), float64(s.Batch*s.Plane), eps, momentum)
	}
}

// statistics are those of a batch and the running ones, an element for each channel.
type statistics struct{ mean, invStd, runningMean, runningVar []float32 }

// record sets channel c's statistics of a batch with count elements to a channel and moves the running ones.
func (s *statistics) record(c int, total moments, count float64, eps, momentum float32) {
	s.mean[c] = float32(total.mean)
	s.invStd[c] = float32(1 / math.Sqrt(total.squares/count+float64(eps)))
	unbiased := float32(total.squares / max(count-1, 1))
	s.runningMean[c] += momentum * (s.mean[c] - s.runningMean[c])
	s.runningVar[c] += momentum * (unbiased - s.runningVar[c])
}

// planeMomentsPart computes the moments of one plane, in two passes while it is in the cache.
func planeMomentsPart(ws *Workspace, _, part int) {
	n := &ws.norm
	x := n.x[part*n.s.Plane:][:n.s.Plane]
	mean := ws.set.Sum(x) / float64(len(x))
	ws.moments[part] = moments{mean: mean, squares: ws.set.SquaredDeviations(x, float32(mean))}
}

// channelMoments combines the moments of a channel's planes over the batch (Chan, Golub and LeVeque 1979).
func (ws *Workspace) channelMoments(channel int) moments {
	s := ws.norm.s
	var total moments
	for image := range s.Batch {
		p := ws.moments[image*s.Channels+channel]
		delta := p.mean - total.mean
		seen := float64(image)
		total.mean += delta / (seen + 1)
		total.squares += p.squares + delta*delta*seen/(seen+1)*float64(s.Plane)
	}
	return total
}

func normalisePart(ws *Workspace, _, part int) {
	n := &ws.norm
	c := part % n.s.Channels
	scale := n.gamma[c] * n.invStd[c]
	shift := n.beta[c] - n.mean[c]*scale
	ws.set.Affine(n.y[part*n.s.Plane:][:n.s.Plane], n.x[part*n.s.Plane:][:n.s.Plane], scale, shift)
}

// BatchNormInference normalises with given statistics: y = gamma·(x-mean)/√(variance+eps) + beta. y may be x.
func (ws *Workspace) BatchNormInference(s NormShape, x, gamma, beta, mean, variance []float32, eps float32, y []float32) {
	checkLength("batch norm", "x", x, s.Len())
	checkLength("batch norm", "y", y, s.Len())
	for _, p := range [][]float32{gamma, beta, mean, variance} {
		checkLength("batch norm", "a per-channel slice", p, s.Channels)
	}
	invStd := ws.inverseDeviations(variance[:s.Channels], eps)
	ws.norm = normArgs{s: s, x: x, y: y, gamma: gamma, beta: beta, mean: mean, invStd: invStd}
	ws.run(s.Batch*s.Channels, normalisePart)
}

// inverseDeviations returns 1/√(variance+eps) of each channel, in memory of the workspace.
func (ws *Workspace) inverseDeviations(variance []float32, eps float32) []float32 {
	ws.inverse = grow(ws.inverse, len(variance))
	for c, v := range variance {
		ws.inverse[c] = float32(1 / math.Sqrt(float64(v)+float64(eps)))
	}
	return ws.inverse
}

// BatchNormBackward computes the gradients of BatchNormTraining from x, dy and the batch's mean and invStd. dx, dgamma
// and dbeta are overwritten; dx may be dy.
func (ws *Workspace) BatchNormBackward(s NormShape, x, dy, gamma, mean, invStd, dx, dgamma, dbeta []float32) {
	checkLength("batch norm backward", "x", x, s.Len())
	checkLength("batch norm backward", "dy", dy, s.Len())
	checkLength("batch norm backward", "dx", dx, s.Len())
	for _, p := range [][]float32{gamma, mean, invStd, dgamma, dbeta} {
		checkLength("batch norm backward", "a per-channel slice", p, s.Channels)
	}
	ws.norm = normArgs{s: s, x: x, dy: dy, dx: dx, gamma: gamma, mean: mean, invStd: invStd, dgamma: dgamma, dbeta: dbeta}
	ws.run(s.Channels, batchNormBackwardPart)
}

// batchNormBackwardPart computes one channel: dbeta = Σdy, dgamma = Σdy·x̂ and
// dx = gamma·invStd·(dy - dbeta/m - x̂·dgamma/m), which is linear in dy and x.
func batchNormBackwardPart(ws *Workspace, _, c int) {
	n := &ws.norm
	mean := n.mean[c]
	var sum, dot float64
	for image := range n.s.Batch {
		at := (image*n.s.Channels + c) * n.s.Plane
		dy := n.dy[at:][:n.s.Plane]
		sum += ws.set.Sum(dy)
		dot += ws.set.DotDeviation(dy, n.x[at:][:n.s.Plane], mean)
	}
	dgamma := dot * float64(n.invStd[c])
	n.dbeta[c], n.dgamma[c] = float32(sum), float32(dgamma)
	count := float64(n.s.Batch * n.s.Plane)
	scale := float64(n.gamma[c]) * float64(n.invStd[c])
	ofX := -scale * float64(n.invStd[c]) * dgamma / count
	shift := -scale*sum/count - ofX*float64(mean)
	for image := range n.s.Batch {
		at := (image*n.s.Channels + c) * n.s.Plane
		ws.set.Affine2(n.dx[at:][:n.s.Plane], n.dy[at:][:n.s.Plane], n.x[at:][:n.s.Plane],
			float32(scale), float32(ofX), float32(shift))
	}
}
