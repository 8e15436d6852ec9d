// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

func TestConvolutionThreads(t *testing.T) {
	exectest.SameBits(t, func(ws *exec.Workspace) []float32 {
		var results []float32
		for _, name := range []string{
			"first layer", "middle layer", "wide", "narrow", "grouped", "depthwise whole", "depthwise strided", "depthwise halved",
			"depthwise narrow", "pointwise deep", "deep strided", "deep narrow", "stem", "many bands", "images in a band",
			"many channels", "tiles of images",
		} {
			s := convShapes[name]
			x, w, dy := enginetest.RandomSlice(s.InLen(), 1), enginetest.RandomSlice(s.WeightLen(), 2), enginetest.RandomSlice(s.OutLen(), 3)
			y, dx, dw, db := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w)), make([]float32, s.OutChannels)
			Forward(ws, s, x, w, db, y)
			BackwardData(ws, s, dy, w, dx)
			BackwardWeights(ws, s, x, dy, dw, db)
			results = slices.Concat(results, y, dx, dw, db)
		}
		return results
	})
}

func TestConvolutionDoesNotAllocate(t *testing.T) {
	for _, name := range []string{"first layer", "middle layer", "wide", "deep strided", "depthwise whole", "depthwise halved"} {
		t.Run(name, func(t *testing.T) {
			s := convShapes[name]
			x, w, dy := enginetest.RandomSlice(s.InLen(), 1), enginetest.RandomSlice(s.WeightLen(), 2), enginetest.RandomSlice(s.OutLen(), 3)
			bias := enginetest.RandomSlice(s.OutChannels, 4)
			exectest.NoAllocations(t, func(ws *exec.Workspace) {
				Forward(ws, s, x, w, bias, dy)
				BackwardWeights(ws, s, x, dy, w, bias)
				BackwardData(ws, s, dy, w, x)
			})
		})
	}
}
