// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package norm

import (
	"math"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

// plainNormalizeRows says what NormalizeRows computes, element by element.
func plainNormalizeRows(n RowNorm, x, scale, shift []float32) (y, mean, inverse []float32) {
	perRow := len(scale) / n.Groups
	for row := range n.Rows {
		values := x[row*n.Width:][:n.Width]
		var center, variance float64
		for _, v := range values {
			center += float64(v) / float64(n.Width)
		}
		if n.Uncentered {
			center = 0
		}
		for _, v := range values {
			variance += (float64(v) - center) * (float64(v) - center) / float64(n.Width)
		}
		factor := 1 / math.Sqrt(variance+float64(n.Epsilon))
		for i, v := range values {
			out := (float64(v) - center) * factor
			if perRow > 0 {
				at := row%n.Groups*perRow + i*perRow/n.Width
				out *= float64(scale[at])
				if shift != nil {
					out += float64(shift[at])
				}
			}
			y = append(y, float32(out))
		}
		mean, inverse = append(mean, float32(center)), append(inverse, float32(factor))
	}
	return y, mean, inverse
}

func TestNormalizeRows(t *testing.T) {
	for name, tc := range map[string]struct {
		n         RowNorm
		scales    int
		unshifted bool
	}{
		"layer":                {n: RowNorm{Rows: 7, Width: 13, Groups: 1, Epsilon: 1e-5}, scales: 13},
		"layer, unshifted":     {n: RowNorm{Rows: 7, Width: 13, Groups: 1, Epsilon: 1e-5}, scales: 13, unshifted: true},
		"layer, many parts":    {n: RowNorm{Rows: 300, Width: 96, Groups: 1, Epsilon: 1e-5}, scales: 96},
		"root of mean squares": {n: RowNorm{Rows: 5, Width: 8, Groups: 1, Epsilon: 0.1, Uncentered: true}, scales: 8, unshifted: true},
		"instances":            {n: RowNorm{Rows: 6, Width: 35, Groups: 3, Epsilon: 1e-3}, scales: 3},
		"groups of channels":   {n: RowNorm{Rows: 6, Width: 20, Groups: 3, Epsilon: 1e-3}, scales: 12},
		"groups, unshifted":    {n: RowNorm{Rows: 6, Width: 20, Groups: 3, Epsilon: 1e-3}, scales: 12, unshifted: true},
		"without scales":       {n: RowNorm{Rows: 4, Width: 6, Groups: 1, Epsilon: 1e-5}},
		"single elements":      {n: RowNorm{Rows: 4, Width: 1, Groups: 1, Epsilon: 1}, scales: 1},
	} {
		t.Run(name, func(t *testing.T) {
			exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
				x := enginetest.RandomSlice(tc.n.Rows*tc.n.Width, 1)
				for i := range x {
					x[i] = 3*x[i] + 100 // a mean that is large beside the deviation
				}
				var scale, shift []float32
				if tc.scales > 0 {
					scale = enginetest.RandomSlice(tc.scales, 2)
					if !tc.unshifted {
						shift = enginetest.RandomSlice(tc.scales, 3)
					}
				}
				want, wantMean, wantInverse := plainNormalizeRows(tc.n, x, scale, shift)
				mean, inverse := make([]float32, tc.n.Rows), make([]float32, tc.n.Rows)
				NormalizeRows(ws, tc.n, x, scale, shift, x, mean, inverse) // in place
				enginetest.ExpectClose(t, "y", x, want, 1e-4)
				enginetest.ExpectClose(t, "mean", mean, wantMean, 1e-4)
				enginetest.ExpectClose(t, "inverse", inverse, wantInverse, 1e-5)
			})
		})
	}
}
