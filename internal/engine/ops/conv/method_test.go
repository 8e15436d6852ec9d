// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// What computes a shape decides how its results are rounded, so a checkpoint resumes to the same bits only if this stays.
func TestMethods(t *testing.T) {
	type methods struct{ forward, prepared, data, weights method }
	for set, want := range map[string]map[string]methods{
		"portable": {
			"first layer":     {byDefinition, byDefinition, byDefinition, byDefinition},
			"depthwise whole": {byDefinition, byDefinition, byDefinition, byDefinition},
		},
		"avx2": {
			"first layer":       {directly, directly, byDefinition, directly},
			"images in a band":  {directly, directly, byDefinition, directly},
			"tiles of images":   {byWinograd, directly, byWinograd, byWinograd},
			"whole tile groups": {byWinograd, byWinograd, byDefinition, byWinograd},
			"middle layer":      {byColumns, byColumns, byDefinition, byDefinition},
			"odd pads":          {directly, directly, directly, directly},
			"narrow":            {byColumns, byColumns, byDefinition, byDefinition},
			"pointwise deep":    {byColumns, byColumns, byDefinition, byDefinition},
			"grouped":           {byColumns, byColumns, byDefinition, byDefinition},
			"depthwise whole":   {byPlaneStrips, byPlaneStrips, byDefinition, byDefinition},
			"depthwise halved":  {byStrips, byStrips, byDefinition, byDefinition},
			"depthwise strided": {byPlanes, byPlanes, byDefinition, byDefinition},
		},
	} {
		if !slices.Contains(kernels.Names(), set) {
			continue
		}
		ws := exectest.NewWorkspace(t, set, 1)
		for name, m := range want {
			s := convShapes[name]
			got := methods{choose(ws, s, false), choose(ws, s, true), chooseData(ws, s), chooseWeights(ws, s)}
			if got != m {
				t.Errorf("%s: %s: methods are %v, want %v", set, name, got, m)
			}
		}
	}
}
