// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// normArgs are the arguments of one normalisation.
type normArgs struct {
	s             tensor.NormShape
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
func BatchNormTraining(ws *exec.Workspace, s tensor.NormShape, x, gamma, beta []float32, eps, momentum float32,
	y, mean, invStd, runningMean, runningVar []float32) {
	exec.CheckLength("batch norm", "x", x, s.Len())
	exec.CheckLength("batch norm", "y", y, s.Len())
	for _, p := range [][]float32{gamma, beta, mean, invStd, runningMean, runningVar} {
		exec.CheckLength("batch norm", "a per-channel slice", p, s.Channels)
	}
	batchStatistics(ws, s, x, eps, momentum, mean, invStd, runningMean, runningVar)
	normStates.Of(ws).norm = normArgs{s: s, x: x, y: y, gamma: gamma, beta: beta, mean: mean, invStd: invStd}
	ws.Run(s.Batch*s.Channels, normalisePart)
}

// batchStatistics computes the batch's mean and 1/√(variance+eps) of each channel and updates the running statistics.
func batchStatistics(ws *exec.Workspace, s tensor.NormShape, x []float32, eps, momentum float32, mean, invStd, runningMean, runningVar []float32) {
	st := normStates.Of(ws)
	st.norm = normArgs{s: s, x: x}
	st.moments = exec.Grow(st.moments, s.Batch*s.Channels)
	ws.Run(s.Batch*s.Channels, planeMomentsPart)
	batch := statistics{mean: mean, invStd: invStd, runningMean: runningMean, runningVar: runningVar}
	for c := range s.Channels {
		batch.record(c, channelMoments(ws, c), float64(s.Batch*s.Plane), eps, momentum)
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
func planeMomentsPart(ws *exec.Workspace, _, part int) {
	st := normStates.Of(ws)
	n := &st.norm
	x := n.x[part*n.s.Plane:][:n.s.Plane]
	mean := ws.Kernels().Sum(x) / float64(len(x))
	st.moments[part] = moments{mean: mean, squares: ws.Kernels().SquaredDeviations(x, float32(mean))}
}

// channelMoments combines the moments of a channel's planes over the batch (Chan, Golub and LeVeque 1979).
func channelMoments(ws *exec.Workspace, channel int) moments {
	st := normStates.Of(ws)
	s := st.norm.s
	var total moments
	for image := range s.Batch {
		p := st.moments[image*s.Channels+channel]
		delta := p.mean - total.mean
		seen := float64(image)
		total.mean += delta / (seen + 1)
		total.squares += p.squares + delta*delta*seen/(seen+1)*float64(s.Plane)
	}
	return total
}

func normalisePart(ws *exec.Workspace, _, part int) {
	n := &normStates.Of(ws).norm
	c := part % n.s.Channels
	scale := n.gamma[c] * n.invStd[c]
	shift := n.beta[c] - n.mean[c]*scale
	ws.Kernels().Affine(n.y[part*n.s.Plane:][:n.s.Plane], n.x[part*n.s.Plane:][:n.s.Plane], scale, shift)
}

// BatchNormInference normalises with given statistics: y = gamma·(x-mean)/√(variance+eps) + beta. y may be x.
func BatchNormInference(ws *exec.Workspace, s tensor.NormShape, x, gamma, beta, mean, variance []float32, eps float32, y []float32) {
	exec.CheckLength("batch norm", "x", x, s.Len())
	exec.CheckLength("batch norm", "y", y, s.Len())
	for _, p := range [][]float32{gamma, beta, mean, variance} {
		exec.CheckLength("batch norm", "a per-channel slice", p, s.Channels)
	}
	invStd := inverseDeviations(ws, variance[:s.Channels], eps)
	normStates.Of(ws).norm = normArgs{s: s, x: x, y: y, gamma: gamma, beta: beta, mean: mean, invStd: invStd}
	ws.Run(s.Batch*s.Channels, normalisePart)
}

// inverseDeviations returns 1/√(variance+eps) of each channel, in memory of the workspace.
func inverseDeviations(ws *exec.Workspace, variance []float32, eps float32) []float32 {
	st := normStates.Of(ws)
	st.inverse = exec.Grow(st.inverse, len(variance))
	for c, v := range variance {
		st.inverse[c] = float32(1 / math.Sqrt(float64(v)+float64(eps)))
	}
	return st.inverse
}

// BatchNormBackward computes the gradients of BatchNormTraining from x, dy and the batch's mean and invStd. dx, dgamma
// and dbeta are overwritten; dx may be dy.
func BatchNormBackward(ws *exec.Workspace, s tensor.NormShape, x, dy, gamma, mean, invStd, dx, dgamma, dbeta []float32) {
	exec.CheckLength("batch norm backward", "x", x, s.Len())
	exec.CheckLength("batch norm backward", "dy", dy, s.Len())
	exec.CheckLength("batch norm backward", "dx", dx, s.Len())
	for _, p := range [][]float32{gamma, mean, invStd, dgamma, dbeta} {
		exec.CheckLength("batch norm backward", "a per-channel slice", p, s.Channels)
	}
	normStates.Of(ws).norm = normArgs{s: s, x: x, dy: dy, dx: dx, gamma: gamma, mean: mean, invStd: invStd, dgamma: dgamma, dbeta: dbeta}
	ws.Run(s.Channels, batchNormBackwardPart)
}

// batchNormBackwardPart computes one channel: dbeta = Σdy, dgamma = Σdy·x̂ and
// dx = gamma·invStd·(dy - dbeta/m - x̂·dgamma/m), which is linear in dy and x.
func batchNormBackwardPart(ws *exec.Workspace, _, c int) {
	n := &normStates.Of(ws).norm
	mean := n.mean[c]
	var sum, dot float64
	for image := range n.s.Batch {
		at := (image*n.s.Channels + c) * n.s.Plane
		dy := n.dy[at:][:n.s.Plane]
		sum += ws.Kernels().Sum(dy)
		dot += ws.Kernels().DotDeviation(dy, n.x[at:][:n.s.Plane], mean)
	}
	dgamma := dot * float64(n.invStd[c])
	n.dbeta[c], n.dgamma[c] = float32(sum), float32(dgamma)
	count := float64(n.s.Batch * n.s.Plane)
	scale := float64(n.gamma[c]) * float64(n.invStd[c])
	ofX := -scale * float64(n.invStd[c]) * dgamma / count
	shift := -scale*sum/count - ofX*float64(mean)
	for image := range n.s.Batch {
		at := (image*n.s.Channels + c) * n.s.Plane
		ws.Kernels().Affine2(n.dx[at:][:n.s.Plane], n.dy[at:][:n.s.Plane], n.x[at:][:n.s.Plane],
			float32(scale), float32(ofX), float32(shift))
	}
}
