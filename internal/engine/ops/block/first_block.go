// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/norm"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// A network's first block in one: a 3×3 convolution of few channels, batch normalization, ReLU and 2×2 max pooling, with
// their gradients. The convolution's output, the largest image of all, is never stored. The statistics come from the
// moments of the patches (patches.go), so one pass computes it, band by band in the cache, and pools it there. The backward
// pass doesn't need it either, as the gradient of the output x = w·patch of a channel is
//
//	dx = scale·d + ofX·x + shift
//
// where d is 0 except at the chosen pixels, so that with A = Σ d·patch, which is all that has to be summed over pixels,
//
//	dgamma = invStd·(w·A - mean·Σd)
//	dw     = Σ dx·patch = scale·A + ofX·(Σ patch·patchᵀ)·w + shift·Σ patch

// convPoolChunks is the number of chunks, with sums of their own, into which the backward pass cuts the bands: enough for
// many threads to share them evenly.
const convPoolChunks = 32

// First is the first block of a network. Slices without another length have an element for each output channel.
type First struct {
	Shape                   tensor.ConvShape
	Weight                  []float32 // Shape.WeightLen() elements
	Gamma, Beta             []float32
	Epsilon, Momentum       float32
	RunningMean, RunningVar []float32
	// What the backward pass needs: the batch's mean and 1/√(variance+Epsilon), Output().ChoiceLen() words, and
	// MomentsLen() moments of the patches.
	Mean, InvStd []float32
	Choice       []uint16
	Moments      []float64
}

// Output returns the shape of the convolution's output.
func (p *First) Output() tensor.ImageShape {
	return tensor.ImageShape{Batch: p.Shape.Batch, Channels: p.Shape.OutChannels, Height: p.Shape.OutHeight(), Width: p.Shape.OutWidth()}
}

// MomentsLen returns the length of the patches' moments.
func (p *First) MomentsLen() int { return patchMomentsLen(p.Shape.InChannels) }

// FusesFirst reports whether the set computes such a block with this convolution in one.
func FusesFirst(ws *exec.Workspace, s tensor.ConvShape) bool {
	return conv.Bands(ws, s) && s.InChannels <= patchChannels && s.OutHeight() >= 2
}

// Training computes pooled = maxpool(max(0, batchnorm(conv(x, Weight)))) with the statistics of this batch,
// and updates the running ones as norm.BatchTraining does. FusesFirst must hold.
func (p *First) Training(ws *exec.Workspace, x, pooled []float32) {
	p.check()
	exec.CheckLength("conv-norm-relu-pool", "x", x, p.Shape.InLen())
	patchMoments(ws, p.Shape, x, p.Moments)
	batch := norm.Statistics{Mean: p.Mean, InvStd: p.InvStd, RunningMean: p.RunningMean, RunningVar: p.RunningVar}
	for k := range p.Shape.OutChannels {
		batch.Record(k, p.outputMoments(k), p.pixels(), p.Epsilon, p.Momentum)
	}
	convPool(ws, p, x, p.Mean, p.InvStd, pooled, p.Choice)
}

// Inference computes pooled = maxpool(max(0, batchnorm(conv(x, Weight)))) with the running statistics. It
// needs none of what is for the backward pass. FusesFirst must hold.
func (p *First) Inference(ws *exec.Workspace, x, pooled []float32) {
	exec.CheckLength("conv-norm-relu-pool", "x", x, p.Shape.InLen())
	convPool(ws, p, x, p.RunningMean, norm.InverseDeviations(ws, p.RunningVar[:p.Shape.OutChannels], p.Epsilon), pooled, nil)
}

// check panics if a slice is too short.
func (p *First) check() {
	exec.CheckLength("conv-norm-relu-pool", "weight", p.Weight, p.Shape.WeightLen())
	exec.CheckLength("conv-norm-relu-pool", "choice", p.Choice, ChoiceLen(p.Output()))
	exec.CheckLength("conv-norm-relu-pool", "moments", p.Moments, p.MomentsLen())
	for _, s := range [][]float32{p.Gamma, p.Beta, p.Mean, p.InvStd, p.RunningMean, p.RunningVar} {
		exec.CheckLength("conv-norm-relu-pool", "a per-channel slice", s, p.Shape.OutChannels)
	}
}

// pixels returns the number of pixels of an output channel.
func (p *First) pixels() float64 { return float64(p.Shape.Batch * p.Shape.OutPlane()) }

// kernel returns the weights of output channel k, in the order of a patch.
func (p *First) kernel(k int) []float32 {
	n := patchTaps * p.Shape.InChannels
	return p.Weight[k*n:][:n]
}

// outputMoments returns the moments of output channel k of the convolution.
func (p *First) outputMoments(k int) norm.Moments {
	w, n := p.kernel(k), patchTaps*p.Shape.InChannels
	var sum, squares float64
	for i, v := range w {
		sum += float64(v) * p.Moments[n*n+i]
		squares += float64(v) * dotMoments(w, p.Moments[n*i:])
	}
	mean := sum / p.pixels()
	return norm.Moments{Mean: mean, Squares: max(squares-mean*sum, 0)}
}

// dotMoments returns Σ w·m.
func dotMoments(w []float32, m []float64) float64 {
	var sum float64
	for i, v := range w {
		sum += float64(v) * m[i]
	}
	return sum
}

// convPoolArgs are the arguments of one such block, beside its normPoolArgs.
type convPoolArgs struct {
	conv.Band
	u, bias []float32
	chunks  int // with sums of their own, in the backward pass
}

// convPool convolves, normalizes with given statistics, and pools; choice may be nil.
func convPool(ws *exec.Workspace, p *First, x, mean, invStd, pooled []float32, choice []uint16) {
	st := states.Of(ws)
	output := p.Output()
	exec.CheckLength("conv-norm-relu-pool", "pooled", pooled, output.PooledLen())
	s := p.Shape.WithDefaults()
	st.packed = exec.Grow(st.packed, s.WeightLen())
	conv.PackDirect(ws, s, p.Weight, st.packed, false)
	st.zeros = exec.Grow(st.zeros, s.OutChannels)
	foldNorm(ws, p.Gamma, p.Beta, mean, invStd, s.OutChannels)
	st.workers = exec.Grow(st.workers, ws.Threads())
	st.normPool = normPoolArgs{s: output, pooled: pooled, choice: choice, scale: st.scale, shift: st.shift}
	b := &st.band
	*b = convPoolArgs{Band: conv.NewBand(s, ws.Kernels().ConvPixels, s.InChannels, conv.BandFloats), u: st.packed, bias: st.zeros}
	b.Input = x
	b.ShareImage(min(b.Rows, conv.UnpooledFloats/(quad*b.OutW)))
	ws.Run(s.Batch*b.ImageBands(), convPoolPart)
}

// convPoolPart computes one band.
func convPoolPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	b, a := &st.band, &st.normPool
	state, own := ws.Worker(worker), &st.workers[worker]
	channels, plane := b.Shape.InChannels, b.Rows*b.OutW
	image, first, last := b.ImageBand(part)
	input := channels * b.ChannelStride()
	scratch := state.Scratch(input + quad*plane)
	unpooled := scratch[input:]
	b.Load(scratch, 0, channels, first, last)
	tiles := b.Tiles(state, first, last, true)
	for k := 0; k < b.Shape.OutChannels; k += quad {
		ws.Kernels().ConvTiles(tiles, &state.Offsets[0], &scratch[0], channels, b.ChannelStride()*floatSize, b.Stride*floatSize,
			&b.u[k*channels*patchTaps], &b.bias[k], &unpooled[0], plane*floatSize)
		for c := k; c < k+quad; c++ {
			for row := 0; row < last-first; row += 2 {
				pixels := unpooled[(c-k)*plane+row*b.OutW:]
				pooled, choice := a.windows(own, image*b.Shape.OutChannels+c, (first+row-image*b.OutH)/2)
				ws.Kernels().NormPool(pooled, choice, pixels[:2*len(pooled)], pixels[b.OutW:][:2*len(pooled)], a.scale[c], a.shift[c])
			}
		}
	}
}

// Backward computes the gradients of Training except that of x, from x and dpooled and what
// it left in p. dw, dgamma and dbeta are overwritten.
func (p *First) Backward(ws *exec.Workspace, x, dpooled, dw, dgamma, dbeta []float32) {
	st := states.Of(ws)
	p.check()
	exec.CheckLength("conv-norm-relu-pool backward", "x", x, p.Shape.InLen())
	exec.CheckLength("conv-norm-relu-pool backward", "dpooled", dpooled, p.Output().PooledLen())
	exec.CheckLength("conv-norm-relu-pool backward", "dw", dw, p.Shape.WeightLen())
	exec.CheckLength("conv-norm-relu-pool backward", "dgamma", dgamma, p.Shape.OutChannels)
	exec.CheckLength("conv-norm-relu-pool backward", "dbeta", dbeta, p.Shape.OutChannels)
	s := p.Shape.WithDefaults()
	st.workers = exec.Grow(st.workers, ws.Threads())
	st.normPool = normPoolArgs{s: p.Output(), pooled: dpooled, choice: p.Choice}
	b := &st.band
	*b = convPoolArgs{Band: conv.NewBand(s, lanes, 1, conv.BandPixels)}
	b.Input = x
	b.ShareImage(conv.BandPixels / (b.Vectors * lanes))
	b.chunks = min(convPoolChunks, s.Batch*b.ImageBands())
	st.partial = exec.Grow(st.partial, b.chunks*s.WeightLen())
	st.sums = exec.Grow(st.sums, b.chunks*s.OutChannels)
	ws.Run(b.chunks, convPoolSumsPart)
	for k := range s.OutChannels {
		convPoolGradients(ws, p, k, dw, dgamma, dbeta)
	}
}

// convPoolSumsPart computes Σ d·patch and Σd over one chunk of the bands.
func convPoolSumsPart(ws *exec.Workspace, worker, chunk int) {
	st := states.Of(ws)
	b, a := &st.band, &st.normPool
	state, own := ws.Worker(worker), &st.workers[worker]
	in, out, width := b.Shape.InChannels, b.Shape.OutChannels, b.Vectors*lanes
	sums, totals := st.partial[chunk*b.Shape.WeightLen():][:b.Shape.WeightLen()], st.sums[chunk*out:][:out]
	clear(sums)
	clear(totals)
	input, plane := in*b.ChannelStride(), b.Rows*width
	scratch := state.Scratch(input + quad*plane)
	gradients := scratch[input:]
	clear(gradients) // columns beyond the windows stay 0
	bands := b.Shape.Batch * b.ImageBands()
	for band := chunk * bands / b.chunks; band < (chunk+1)*bands/b.chunks; band++ {
		image, first, last := b.ImageBand(band)
		b.Load(scratch, 0, in, first, last)
		b.RowOffsets(state, first, last)
		for k := 0; k < out; k += quad {
			for c := k; c < k+quad; c++ {
				for row := 0; row < last-first; row += 2 {
					pixels := gradients[(c-k)*plane+row*width:]
					d, choice := a.windows(own, image*out+c, (first+row-image*b.OutH)/2)
					totals[c] += float64(ws.Kernels().Unpool(pixels[:2*len(d)], pixels[width:][:2*len(d)], d, choice))
				}
			}
			ws.Kernels().ConvWeights(last-first, &state.Offsets[0], b.Vectors, &scratch[0], in, b.ChannelStride()*floatSize,
				b.Stride*floatSize, &gradients[0], plane*floatSize, &sums[k*in*patchTaps])
		}
	}
}

// convPoolGradients computes the gradients of output channel k's parameters from the chunks' sums.
func convPoolGradients(ws *exec.Workspace, p *First, k int, dw, dgamma, dbeta []float32) {
	st := states.Of(ws)
	b, w, n := &st.band, p.kernel(k), patchTaps*p.Shape.InChannels
	var total, dot float64 // Σd and w·A
	var ofPatch [patchTaps * patchChannels]float64
	for chunk := range b.chunks {
		total += st.sums[chunk*b.Shape.OutChannels+k]
		sums := st.partial[chunk*b.Shape.WeightLen()+k/quad*n*quad:]
		for i := range n {
			c, ky, kx := i/patchTaps, i%patchTaps/patchSide, i%patchSide
			ofPatch[i] += float64(sums[c*conv.WeightFloats+(ky*quad+k%quad)*patchSide+kx])
		}
	}
	for i, v := range w {
		dot += float64(v) * ofPatch[i]
	}
	mean, invStd := float64(p.Mean[k]), float64(p.InvStd[k])
	ofGamma := invStd * (dot - mean*total)
	dgamma[k], dbeta[k] = float32(ofGamma), float32(total)
	scale := float64(p.Gamma[k]) * invStd
	ofX := -scale * invStd * ofGamma / p.pixels()
	shift := -scale*total/p.pixels() - ofX*mean
	for i := range n {
		dw[k*n+i] = float32(scale*ofPatch[i] + ofX*dotMoments(w, p.Moments[n*i:]) + shift*p.Moments[n*n+i])
	}
}
