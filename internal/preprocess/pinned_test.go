// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of this package's tests")

// testdata/pinned holds 54 pictures of all formats, by Pillow 13.0 and the encoders of test/peers/pictures, and pinned.txt the
// sha256 of what is made of them: their pixels as stored, which are Pillow's, at size 64 of the whole, and at size 8 of
// DecodeReduced. Models are trained on these bits
// and held to what they answered for them, so neither a decoder, a CPU nor a toolchain may move them: what makes others is
// another rule, with a name of its own.
func TestPixelsStay(t *testing.T) {
	const pictures, golden = 54, "testdata/pinned.txt"
	files, err := filepath.Glob("testdata/pinned/*")
	if err != nil || len(files) != pictures {
		t.Fatalf("%d pictures, want %d; error %v", len(files), pictures, err)
	}
	var got strings.Builder
	for _, file := range files {
		fmt.Fprintln(&got, pinnedLine(t, file))
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(strings.Split(string(readFile(t, golden)), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("pixels (-want +got):\n%s", diff)
	}
}

// pinnedLine is a picture's line of pinned.txt.
func pinnedLine(t *testing.T, file string) string {
	t.Helper()
	data := readFile(t, file)
	_, stored, err := decode(t.Context(), data, DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	columns := []string{fmt.Sprintf("%x", sha256.Sum256(stored))}
	whole, reduced := DefaultSpec(64), DefaultSpec(MinSize)
	whole.Decode = ""
	for _, spec := range []Spec{whole, reduced} {
		pixels := make([]uint8, spec.PixelLen())
		if err := NewDecoder(DefaultLimits()).Pixels(t.Context(), spec, pixels, data); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		columns = append(columns, fmt.Sprintf("%x", sha256.Sum256(pixels)))
	}
	return strings.Join(append(columns, filepath.Base(file)), " ")
}
