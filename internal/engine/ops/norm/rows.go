// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package norm

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
)

// RowNorm describes a normalization of Rows rows of Width elements, each by its own mean and variance, as layer, instance
// and group normalization are.
type RowNorm struct {
	Rows, Width int
	// Groups is the number of rows after which the scales start again. The scales of a row, of which there are an equal
	// number for each of Groups rows, apply to equal parts of it: layer normalization has one group and a scale for each
	// element, instance normalization a group for each channel and one scale for the row.
	Groups  int
	Epsilon float32
	// Uncentered leaves the mean in place and divides by the root of the mean square.
	Uncentered bool
}

// rowsArgs are the arguments of one normalization of rows.
type rowsArgs struct {
	RowNorm
	x, scale, shift, y, mean, inverse []float32
	// rows is the number of rows of a part.
	rows int
}

// rowNormPart is the least number of elements that one part normalizes.
const rowNormPart = 1 << 12

// NormalizeRows computes y = (x - mean)/√(variance + eps)·scale + shift for every row of x; y may be x. scale, shift and
// the results mean and inverse, 1/√(variance + eps), one for each row, may be nil.
func NormalizeRows(ws *exec.Workspace, n RowNorm, x, scale, shift, y, mean, inverse []float32) {
	if n.Width < 1 || n.Groups < 1 || len(scale)%n.Groups != 0 || len(scale) > 0 && n.Width%(len(scale)/n.Groups) != 0 {
		panic("engine: normalize rows: the scales do not divide the rows")
	}
	exec.CheckLength("normalize rows", "x", x, n.Rows*n.Width)
	exec.CheckLength("normalize rows", "y", y, n.Rows*n.Width)
	if shift != nil {
		exec.CheckLength("normalize rows", "shift", shift, len(scale))
	}
	a := rowsArgs{RowNorm: n, x: x, scale: scale, shift: shift, y: y, mean: mean, inverse: inverse, rows: exec.CeilDiv(rowNormPart, n.Width)}
	states.Of(ws).rows = a
	ws.Run(exec.CeilDiv(n.Rows, a.rows), rowNormalizePart)
}

func rowNormalizePart(ws *exec.Workspace, _, part int) {
	n := &states.Of(ws).rows
	for row := part * n.rows; row < min(n.Rows, (part+1)*n.rows); row++ {
		x, y := n.x[row*n.Width:][:n.Width], n.y[row*n.Width:][:n.Width]
		mean := 0.0
		if !n.Uncentered {
			mean = sumOf(x) / float64(n.Width)
		}
		inverse := 1 / math.Sqrt(squaresOf(x, mean)/float64(n.Width)+float64(n.Epsilon))
		if n.mean != nil {
			n.mean[row] = float32(mean)
		}
		if n.inverse != nil {
			n.inverse[row] = float32(inverse)
		}
		n.apply(row%n.Groups, x, y, float32(mean), float32(inverse))
	}
}

// apply normalizes a row of a group.
func (n *rowsArgs) apply(group int, x, y []float32, mean, inverse float32) {
	if n.scale == nil {
		for i, v := range x {
			y[i] = (v - mean) * inverse
		}
		return
	}
	scales := len(n.scale) / n.Groups
	scale, shift := n.scale[group*scales:][:scales], n.shift
	if shift != nil {
		shift = shift[group*scales:][:scales]
	}
	part := n.Width / scales
	switch {
	case part == 1 && shift != nil:
		for i, v := range x {
			y[i] = (v-mean)*inverse*scale[i] + shift[i]
		}
	case part == 1:
		for i, v := range x {
			y[i] = (v - mean) * inverse * scale[i]
		}
	default:
		for s, factor := range scale {
			factor *= inverse
			var offset float32
			if shift != nil {
				offset = shift[s]
			}
			to := y[s*part:][:part]
			for i, v := range x[s*part:][:part] {
				to[i] = (v-mean)*factor + offset
			}
		}
	}
}

// sumOf adds up x in float64, by four sums that don't wait for each other.
func sumOf(x []float32) float64 {
	var a, b, c, d float64
	for ; len(x) >= 4; x = x[4:] {
		a += float64(x[0])
		b += float64(x[1])
		c += float64(x[2])
		d += float64(x[3])
	}
	for _, v := range x {
		a += float64(v)
	}
	return a + b + (c + d)
}

// squaresOf adds up the squares of x's distances from mean.
func squaresOf(x []float32, mean float64) float64 {
	var a, b, c, d float64
	for ; len(x) >= 4; x = x[4:] {
		v, w, p, q := float64(x[0])-mean, float64(x[1])-mean, float64(x[2])-mean, float64(x[3])-mean
		a += v * v
		b += w * w
		c += p * p
		d += q * q
	}
	for _, v := range x {
		v := float64(v) - mean
		a += v * v
	}
	return a + b + (c + d)
}
