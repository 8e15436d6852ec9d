// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/preprocess/kernels"
)

// FuzzSetsDecodeAlike holds the kernels of all instruction sets to the same pixels, and the same error, whatever is in the file.
func FuzzSetsDecodeAlike(f *testing.F) {
	seeds, err := filepath.Glob("../testdata/pinned/*.jpeg")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("%d pictures to begin with, error %v", len(seeds), err)
	}
	for _, seed := range seeds {
		data, err := os.ReadFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	sets := kernels.Sets()
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.HasPrefix(data, []byte(Magic)) {
			t.Skip("no JPEG")
		}
		for _, denominator := range []int{1, 2, 4, 8} {
			want, wantError := pixelsBy(t, sets[len(sets)-1], data, denominator)
			for _, set := range sets[:len(sets)-1] {
				got, err := pixelsBy(t, set, data, denominator)
				if (err == nil) != (wantError == nil) || err != nil && err.Error() != wantError.Error() {
					t.Errorf("%s, 1/%d: error %v, portably %v", set.Name, denominator, err, wantError)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s, 1/%d: pixels differ from the portable ones", set.Name, denominator)
				}
			}
		}
	})
}

// pixelsBy decodes a picture that is not large with a set of kernels, up to an error.
func pixelsBy(t *testing.T, set *kernels.Set, data []byte, denominator int) ([]uint8, error) {
	t.Helper()
	picture, err := Open(data)
	if err != nil {
		return nil, err
	}
	if picture.header.Width*picture.header.Height > 1<<18 {
		t.Skip("a large picture")
	}
	picture.decoder.kernels = set
	if denominator > 1 {
		picture.Reduce(denominator)
	}
	var pixels []uint8
	err = picture.Rows(t.Context(), func(row []uint8) { pixels = append(pixels, row...) })
	return pixels, err
}
