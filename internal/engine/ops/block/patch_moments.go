// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// A patch is what one output pixel of a 3×3 convolution sees: the pixels of its window in all input channels, padding
// included, in the order of the weights. A convolution is linear in the patches, so their first and second moments over the
// batch tell the mean and the variance of every output channel, whatever the weights. They are sums in float64: a filter's
// variance may be a millionth of the patches', and would be lost in the rounding of float32.

// patchChannels is the largest number of input channels whose patches' moments take less time than the convolution.
const patchChannels = 4

// patchMomentsLen returns the length of the moments of patches: n² products and n sums for n = 9 times the channels.
func patchMomentsLen(channels int) int {
	n := patchTaps * channels
	return n*n + n
}

// patchArgs are the arguments of one computation of moments.
type patchArgs struct {
	s          tensor.ConvShape
	outH, outW int
	width      int // of a padded row
	x          []float32
	perImage   []float64 // the moments of each image
}

// patchMoments computes Σ patch[i]·patch[j], in moments[n·i+j], and Σ patch[i], in moments[n·n+i], over all output pixels.
func patchMoments(ws *exec.Workspace, s tensor.ConvShape, x []float32, moments []float64) {
	st := states.Of(ws)
	s = s.WithDefaults()
	length := patchMomentsLen(s.InChannels)
	st.sums = exec.Grow(st.sums, s.Batch*length)
	st.workers = exec.Grow(st.workers, ws.Threads())
	st.patch = patchArgs{s: s, outH: s.OutHeight(), outW: s.OutWidth(), width: s.OutWidth() + patchSide - 1, x: x, perImage: st.sums}
	ws.Run(s.Batch, patchMomentsPart)
	moments = moments[:length]
	clear(moments)
	for image := range s.Batch {
		for i, v := range st.sums[image*length:][:length] {
			moments[i] += v
		}
	}
	n := patchTaps * s.InChannels
	for i := range n {
		for j := range i {
			moments[n*i+j] = moments[n*j+i]
		}
	}
}

// patchState is the scratch memory of one worker.
type patchState struct {
	// rows are three successive rows of the padded image in each channel, row r in place r%3, and totals their sums.
	rows   []float64
	totals [patchSide][patchChannels]float64
	// products, [e][c][d], are those of rows r of channel c and r+e of channel d, summed over a run of rows r, and sums
	// those of channel c, from each of three columns on.
	products [patchSide][patchChannels][patchChannels][patchTile]float64
	sums     [patchChannels][patchSide]float64
}

// row returns a row of the padded image.
func (p *patchState) row(a *patchArgs, r, c int) []float64 {
	return p.rows[(r%patchSide*a.s.InChannels+c)*a.width:][:a.width]
}

// patchMomentsPart computes the moments of one image, of the products only those above the diagonal. Row r of the padded
// image is row ty of the patches of output row r-ty; rows that are so for the same range of ty are summed in one run.
func patchMomentsPart(ws *exec.Workspace, worker, part int) {
	st := states.Of(ws)
	a := &st.patch
	own := &st.workers[worker].patch
	own.rows = exec.Grow(own.rows, patchSide*a.s.InChannels*a.width)
	moments := a.perImage[part*patchMomentsLen(a.s.InChannels):][:patchMomentsLen(a.s.InChannels)]
	clear(moments)
	height, loaded, first, last := a.outH+patchSide-1, 0, 0, 0
	for r := range height {
		for ; loaded < min(r+patchSide, height); loaded++ {
			for c := range a.s.InChannels {
				a.widen(ws.Kernels().Patch, own, part, loaded, c)
			}
		}
		if from, to := max(0, r-a.outH+1), min(patchSide-1, r); r == 0 || from != first || to != last {
			a.endRun(own, moments, first, last)
			first, last = from, to
		}
		a.addRow(ws.Kernels().Patch, own, r, height)
	}
	a.endRun(own, moments, first, last)
}

// widen loads a row of the padded image and its sum.
func (a *patchArgs) widen(loops *kernels.Patch, state *patchState, image, r, c int) {
	s, row, total := &a.s, state.row(a, r, c), &state.totals[r%patchSide][c]
	iy := r - s.PadTop
	if uint(iy) >= uint(s.InHeight) {
		clear(row)
		*total = 0
		return
	}
	clear(row[:s.PadLeft])
	clear(row[s.PadLeft+s.InWidth:])
	*total = loops.Widen(row[s.PadLeft:], a.x[((image*s.InChannels+c)*s.InHeight+iy)*s.InWidth:][:s.InWidth])
}

// addRow adds what row r, and its products with the rows below, give.
func (a *patchArgs) addRow(loops *kernels.Patch, state *patchState, r, height int) {
	for c := range a.s.InChannels {
		upper := state.row(a, r, c)
		for e := range min(patchSide, height-r) {
			for d := range a.s.InChannels {
				if e > 0 || c <= d {
					loops.Products(&state.products[e][c][d], a.outW, upper, state.row(a, r+e, d))
				}
			}
		}
		for tx := range patchSide {
			sum := state.totals[r%patchSide][c]
			for _, v := range upper[:tx] {
				sum -= v
			}
			for _, v := range upper[tx+a.outW:] {
				sum -= v
			}
			state.sums[c][tx] += sum
		}
	}
}

// endRun adds a run's sums to the moments of rows [first, last] of the patches.
func (a *patchArgs) endRun(state *patchState, moments []float64, first, last int) {
	n := patchTaps * a.s.InChannels
	for c := range a.s.InChannels {
		for ty := first; ty <= last; ty++ {
			for tx, sum := range state.sums[c] {
				moments[n*n+patchTaps*c+patchSide*ty+tx] += sum
			}
			for e := range patchSide - ty {
				for d := range a.s.InChannels {
					for at, product := range state.products[e][c][d] {
						i := patchTaps*c + patchSide*ty + at/patchLanes/patchSide
						j := patchTaps*d + patchSide*(ty+e) + at/patchLanes%patchSide
						if e > 0 || c < d || i <= j {
							moments[n*min(i, j)+max(i, j)] += product
						}
					}
				}
			}
		}
	}
	clear(state.products[:])
	clear(state.sums[:])
}
