// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

func TestObjectiveOfMixedImages(t *testing.T) {
	ws, err := exec.New(exec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	logits := &tensor.Tensor{Shape: []int{3, 3}, Data: []float32{0, 0, 5, 5, 0, 0, 0, 5, 0}}
	o := &objective{mixes: true}
	o.forward(ws, logits, &dataset.Batch{Labels: []int32{0, 1, 1}, N: 3, Share: 0.25})
	want := []float32{0.25, 0.75, 0, 0.75, 0.25, 0, 0, 1, 0}
	if diff := cmp.Diff(want, o.shares.Data); diff != "" {
		t.Errorf("shares of the classes (-want +got):\n%s", diff)
	}
	// Most of the first image is the last one's class, most of the second the first one's.
	if diff := cmp.Diff([]int{1, 0, 1}, o.labels); diff != "" || o.right(logits) != 2 {
		t.Errorf("%d right, labels (-want +got):\n%s", o.right(logits), diff)
	}
}
