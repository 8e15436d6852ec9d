// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCopyFrom(t *testing.T) {
	a, b := New(2, 3), New(3, 2)
	if err := a.CopyFrom(b); err == nil {
		t.Error("a tensor of another shape was copied")
	}
	c := &Tensor{Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}}
	if err := a.CopyFrom(c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, a); diff != "" {
		t.Error(diff)
	}
	if a.Data[0] = 7; c.Data[0] != 1 {
		t.Error("the copy shares memory")
	}
}

func TestResizeKeepsMemory(t *testing.T) {
	a := New(2, 3)
	first := &a.Data[0]
	a.Resize(1, 4)
	if diff := cmp.Diff([]int{1, 4}, a.Shape); diff != "" || a.Len() != 4 || &a.Data[0] != first {
		t.Errorf("tensor of %d elements in memory of its own; shape (-want +got):\n%s", a.Len(), diff)
	}
	if c := a.Clone(); &c.Data[0] == first {
		t.Error("the clone shares memory")
	}
}
