// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package norm

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// batchArgs are the arguments of one normalization.
type batchArgs struct {
	s             tensor.NormShape
	x, y, dy, dx  []float32
	gamma, beta   []float32
	mean, invStd  []float32
	dgamma, dbeta []float32
}

// Moments are the mean of a plane and its sum of squared deviations from it.
type Moments struct{ Mean, Squares float64 }

// BatchTraining normalizes each channel with the statistics of this batch:
// y = gamma·(x-mean)/√(variance+eps) + beta, with the biased variance. It leaves the batch's mean and 1/√(variance+eps)
// in mean and invStd for the backward pass and moves the running statistics towards the batch's, as PyTorch does:
// running = (1-momentum)·running + momentum·batch, with the unbiased variance. y may be x.
// The per-channel slices have s.Channels elements.
func BatchTraining(ws *exec.Workspace, s tensor.NormShape, x, gamma, beta []float32, eps, momentum float32,
	y, mean, invStd, runningMean, runningVar []float32) {
	exec.CheckLength("batch norm", "x", x, s.Len())
	exec.CheckLength("batch norm", "y", y, s.Len())
	for _, p := range [][]float32{gamma, beta, mean, invStd, runningMean, runningVar} {
		exec.CheckLength("batch norm", "a per-channel slice", p, s.Channels)
	}
	BatchStatistics(ws, s, x, eps, momentum, mean, invStd, runningMean, runningVar)
	states.Of(ws).batch = batchArgs{s: s, x: x, y: y, gamma: gamma, beta: beta, mean: mean, invStd: invStd}
	ws.Run(s.Batch*s.Channels, normalizePart)
}

// BatchStatistics computes the batch's mean and 1/√(variance+eps) of each channel and updates the running statistics.
func BatchStatistics(ws *exec.Workspace, s tensor.NormShape, x []float32, eps, momentum float32, mean, invStd, runningMean, runningVar []float32) {
	st := states.Of(ws)
	st.batch = batchArgs{s: s, x: x}
	st.moments = exec.Grow(st.moments, s.Batch*s.Channels)
	ws.Run(s.Batch*s.Channels, planeMomentsPart)
	batch := Statistics{Mean: mean, InvStd: invStd, RunningMean: runningMean, RunningVar: runningVar}
	for c := range s.Channels {
		batch.Record(c, channelMoments(ws, c), float64(s.Batch*s.Plane), eps, momentum)
	}
}

// Statistics are those of a batch and the running ones, an element for each channel.
type Statistics struct{ Mean, InvStd, RunningMean, RunningVar []float32 }

// Record sets channel c's statistics of a batch with count elements to a channel and moves the running ones.
func (s *Statistics) Record(c int, total Moments, count float64, eps, momentum float32) {
	s.Mean[c] = float32(total.Mean)
	s.InvStd[c] = float32(1 / math.Sqrt(total.Squares/count+float64(eps)))
	unbiased := float32(total.Squares / max(count-1, 1))
	s.RunningMean[c] += momentum * (s.Mean[c] - s.RunningMean[c])
	s.RunningVar[c] += momentum * (unbiased - s.RunningVar[c])
}

// planeMomentsPart computes the moments of one plane, in two passes while it is in the cache.
func planeMomentsPart(ws *exec.Workspace, _, part int) {
	st := states.Of(ws)
	n := &st.batch
	x := n.x[part*n.s.Plane:][:n.s.Plane]
	mean := ws.Kernels().Sum(x) / float64(len(x))
	st.moments[part] = Moments{Mean: mean, Squares: ws.Kernels().SquaredDeviations(x, float32(mean))}
}

// channelMoments combines the moments of a channel's planes over the batch (Chan, Golub and LeVeque 1979).
func channelMoments(ws *exec.Workspace, channel int) Moments {
	st := states.Of(ws)
	s := st.batch.s
	var total Moments
	for image := range s.Batch {
		p := st.moments[image*s.Channels+channel]
		delta := p.Mean - total.Mean
		seen := float64(image)
		total.Mean += delta / (seen + 1)
		total.Squares += p.Squares + delta*delta*seen/(seen+1)*float64(s.Plane)
	}
	return total
}

func normalizePart(ws *exec.Workspace, _, part int) {
	n := &states.Of(ws).batch
	c := part % n.s.Channels
	scale := n.gamma[c] * n.invStd[c]
	shift := n.beta[c] - n.mean[c]*scale
	ws.Kernels().Affine(n.y[part*n.s.Plane:][:n.s.Plane], n.x[part*n.s.Plane:][:n.s.Plane], scale, shift)
}

// BatchInference normalizes with given statistics: y = gamma·(x-mean)/√(variance+eps) + beta. y may be x.
func BatchInference(ws *exec.Workspace, s tensor.NormShape, x, gamma, beta, mean, variance []float32, eps float32, y []float32) {
	exec.CheckLength("batch norm", "x", x, s.Len())
	exec.CheckLength("batch norm", "y", y, s.Len())
	for _, p := range [][]float32{gamma, beta, mean, variance} {
		exec.CheckLength("batch norm", "a per-channel slice", p, s.Channels)
	}
	invStd := InverseDeviations(ws, variance[:s.Channels], eps)
	states.Of(ws).batch = batchArgs{s: s, x: x, y: y, gamma: gamma, beta: beta, mean: mean, invStd: invStd}
	ws.Run(s.Batch*s.Channels, normalizePart)
}

// InverseDeviations returns 1/√(variance+eps) of each channel, in memory of the workspace.
func InverseDeviations(ws *exec.Workspace, variance []float32, eps float32) []float32 {
	st := states.Of(ws)
	st.inverse = exec.Grow(st.inverse, len(variance))
	for c, v := range variance {
		st.inverse[c] = float32(1 / math.Sqrt(float64(v)+float64(eps)))
	}
	return st.inverse
}

// BatchBackward computes the gradients of BatchTraining from x, dy and the batch's mean and invStd. dx, dgamma
// and dbeta are overwritten; dx may be dy.
func BatchBackward(ws *exec.Workspace, s tensor.NormShape, x, dy, gamma, mean, invStd, dx, dgamma, dbeta []float32) {
	exec.CheckLength("batch norm backward", "x", x, s.Len())
	exec.CheckLength("batch norm backward", "dy", dy, s.Len())
	exec.CheckLength("batch norm backward", "dx", dx, s.Len())
	for _, p := range [][]float32{gamma, mean, invStd, dgamma, dbeta} {
		exec.CheckLength("batch norm backward", "a per-channel slice", p, s.Channels)
	}
	states.Of(ws).batch = batchArgs{s: s, x: x, dy: dy, dx: dx, gamma: gamma, mean: mean, invStd: invStd, dgamma: dgamma, dbeta: dbeta}
	ws.Run(s.Channels, batchBackwardPart)
}

// batchBackwardPart computes one channel: dbeta = Σdy, dgamma = Σdy·x̂ and
// dx = gamma·invStd·(dy - dbeta/m - x̂·dgamma/m), which is linear in dy and x.
func batchBackwardPart(ws *exec.Workspace, _, c int) {
	n := &states.Of(ws).batch
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
