// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package crd

import (
	"os"
	"path/filepath"
	"testing"
)

// maxBytes bounds a CRD's file. `kubectl apply` keeps all of it in an annotation of at most 256 KiB, and a second version of
// a kind is about as long as the first.
const maxBytes = 100_000

func TestSizesOfCRDs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no CRDs: %v", err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxBytes {
			t.Errorf("%s has %d bytes, at most %d are allowed: shorten comments of fields, which are its descriptions", filepath.Base(file), info.Size(), maxBytes)
		}
	}
}
