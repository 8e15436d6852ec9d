// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

func TestTrainingBytes(t *testing.T) {
	const batch, height, width = 2, 20, 34
	pool := func() *MaxPool2D { return NewMaxPool2D("pool", 2, 2) }
	const (
		images  = batch * 3 * height * width * 4
		conv    = batch * 4 * height * width * 4
		pooled  = conv / 4
		choices = batch * 4 * (height / 2) * 3 * 2 * 2 // 3 planes of 2 words of 2 bytes
	)
	for name, tc := range map[string]struct {
		set    string
		layers []Layer
		want   int64
	}{
		"first block":                     {kernels.Names()[0], convBlock("a", 3, pool()), images + pooled + choices + pooled},
		"first block, portable":           {"portable", convBlock("a", 3, pool()), images + conv + pooled + choices + pooled},
		"two blocks":                      {"portable", append(convBlock("a", 3, pool()), convBlock("b", 4, pool())...), images + conv + pooled + choices + (5440 + 1280 + 240 + 1280)},
		"a first layer, ReLU and pooling": {"portable", withoutNorm(convBlock("a", 3, pool())), images + conv + pooled + choices + pooled},
		"another pooling":                 {"portable", withoutNorm(convBlock("a", 3, NewMaxPool2D("pool", 2, 1)))[1:], 3*images + 2*3*19*33*(2*4+1)},
	} {
		t.Run(name, func(t *testing.T) {
			ws, err := exec.New(exec.Options{Set: tc.set})
			if err != nil {
				t.Fatal(err)
			}
			got, err := TrainingBytes(ws, Fuse(tc.layers), []int{batch, 3, height, width})
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("%d bytes, want %d", got, tc.want)
			}
		})
	}
	if _, err := TrainingBytes(newWorkspace(t), convBlock("a", 3, pool()), []int{1, 4, 8, 8}); err == nil {
		t.Error("a wrong number of channels was accepted")
	}
}
