// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/preprocess/jpeg"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// variant is a picture that test/peers/pillow_pictures.py wrote, with what Pillow makes of it.
type variant struct {
	Format, Variant, File string
	// Refusal is empty, or the kind of error and a word of it with which the picture is to be refused.
	Refusal []string
	// PillowError is set where Pillow refuses the picture; otherwise there are its pixels.
	PillowError                string
	Width, Height, Orientation int
	RGB, Resized               string
	// Reduced are the files of a JPEG's pixels at a fraction of its size, by denominator.
	Reduced map[int]string
}

// Outcomes of a variant.
const (
	asPillow = "as Pillow"
	refused  = "refused by cause"
	wrong    = "wrong"
)

// Every variant of every format looks as Pillow shows it, to the last bit, or is refused by its true cause.
func TestVariantsAgreeWithPillow(t *testing.T) {
	dir := t.TempDir()
	peers.Run(t, "pillow_pictures.py", dir)
	var variants []variant
	if err := json.Unmarshal(readFile(t, filepath.Join(dir, "manifest.json")), &variants); err != nil {
		t.Fatal(err)
	}
	counts := map[string]map[string]int{}
	for _, v := range variants {
		outcome := asPillow
		if err := v.check(t, dir); err != nil {
			outcome = wrong
			t.Errorf("%s, %s: %v", v.Format, v.Variant, err)
		} else if v.PillowError != "" || len(v.Refusal) > 0 {
			outcome = refused
		}
		if counts[v.Format] == nil {
			counts[v.Format] = map[string]int{}
		}
		counts[v.Format][outcome]++
	}
	total := map[string]int{}
	for _, format := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%-10s %4d as Pillow, %3d refused by cause, %d wrong", format, counts[format][asPillow], counts[format][refused], counts[format][wrong])
		for outcome, n := range counts[format] {
			total[outcome] += n
		}
	}
	t.Logf("%-10s %4d as Pillow, %3d refused by cause, %d wrong", "in all", total[asPillow], total[refused], total[wrong])
}

// check says what is wrong with how the variant is decoded.
func (v variant) check(t *testing.T, dir string) error {
	data := readFile(t, filepath.Join(dir, v.File))
	img, err := open(data, DefaultLimits(), formats)
	var got []uint8
	if err == nil {
		got = make([]uint8, 0, Channels*img.Width*img.Height)
		before := allocated()
		err = img.rows(t.Context(), func(row []uint8) { got = append(got, row...) })
		if took := allocated() - before; took > img.MemoryBytes {
			return fmt.Errorf("decoding took %d bytes, %d by its header", took, img.MemoryBytes)
		}
	}
	if len(v.Refusal) > 0 {
		return v.checkRefusal(err)
	}
	switch {
	case v.PillowError != "" && err == nil:
		return fmt.Errorf("Pillow refuses it: %s", v.PillowError)
	case v.PillowError != "":
		return nil
	case err != nil:
		return fmt.Errorf("refused: %w", err)
	case img.Width != v.Width || img.Height != v.Height:
		return fmt.Errorf("%d×%d pixels, Pillow has %d×%d", img.Width, img.Height, v.Width, v.Height)
	case img.Orientation != v.Orientation:
		return fmt.Errorf("orientation %d, Pillow has %d", img.Orientation, v.Orientation)
	}
	if err := compare(got, readFile(t, filepath.Join(dir, v.RGB)), v.Width, 0); err != nil {
		return err
	}
	for denominator, file := range v.Reduced {
		if err := v.checkReduced(t, data, denominator, readFile(t, filepath.Join(dir, file))); err != nil {
			return fmt.Errorf("at 1/%d of its size: %w", denominator, err)
		}
	}
	spec := DefaultSpec(16)
	spec.Decode = ""
	resized := make([]uint8, spec.PixelLen())
	if err := NewDecoder(DefaultLimits()).Pixels(t.Context(), spec, resized, data); err != nil {
		return err
	}
	if err := compare(resized, readFile(t, filepath.Join(dir, v.Resized)), spec.Size, 1); err != nil {
		return fmt.Errorf("resized: %w", err)
	}
	return nil
}

// checkReduced decodes a JPEG at a fraction of its size.
func (v variant) checkReduced(t *testing.T, data []byte, denominator int, want []uint8) error {
	t.Helper()
	picture, err := jpeg.Open(data)
	if err != nil {
		return err
	}
	picture.Reduce(denominator)
	header := picture.Header()
	got := make([]uint8, 0, Channels*header.Width*header.Height)
	before := allocated()
	err = picture.Rows(t.Context(), func(row []uint8) { got = append(got, row...) })
	if took := allocated() - before; took > header.MemoryBytes {
		return fmt.Errorf("decoding took %d bytes, %d by its header", took, header.MemoryBytes)
	}
	if err != nil {
		return err
	}
	return compare(got, want, header.Width, 0)
}

// allocated is how many bytes were allocated so far, those that were freed included.
func allocated() int64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.TotalAlloc)
}

// checkRefusal wants the error that the variant names.
func (v variant) checkRefusal(err error) error {
	kinds := map[string]error{"unsupported": ErrUnsupported, "truncated": ErrTruncated, "corrupt": ErrCorrupt}
	if !errors.Is(err, kinds[v.Refusal[0]]) || !strings.Contains(err.Error(), v.Refusal[1]) {
		return fmt.Errorf("error %w, want %s with %q", err, v.Refusal[0], v.Refusal[1])
	}
	return nil
}

// compare says where two images of RGB differ by more than a tolerance.
func compare(got, want []uint8, width, tolerance int) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d bytes, Pillow has %d", len(got), len(want))
	}
	most, at, count := 0, 0, 0
	for i := range want {
		if difference := max(int(want[i])-int(got[i]), int(got[i])-int(want[i])); difference > tolerance {
			count++
			if difference > most {
				most, at = difference, i
			}
		}
	}
	if count > 0 {
		return fmt.Errorf("%d of %d bytes differ, most at x %d, y %d, channel %d: %d, Pillow has %d",
			count, len(want), at/3%width, at/3/width, at%3, got[at], want[at])
	}
	return nil
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
