// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"archive/tar"
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

func encodedPNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodedJPEG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func someSamples(t testing.TB) *Samples {
	return &Samples{
		Classes: []string{"cat", "dog"}, Decoding: preprocess.Decoding,
		Items: []Sample{
			{Image: encodedPNG(t), Label: "dog", Logits: []float32{-1.25, 0.1}},
			{Image: encodedJPEG(t), Label: "cat", Logits: []float32{math.MaxFloat32, math.SmallestNonzeroFloat32}},
		},
	}
}

func archiveOf(t testing.TB, s *Samples) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteSamples(&b, s); err != nil {
		t.Fatalf("WriteSamples() error = %v", err)
	}
	return b.Bytes()
}

func TestSamplesRoundTrip(t *testing.T) {
	for name, want := range map[string]*Samples{
		"two":  someSamples(t),
		"none": {Classes: []string{"cat"}, Decoding: preprocess.DecodingFirst, Items: []Sample{}},
	} {
		t.Run(name, func(t *testing.T) {
			data := archiveOf(t, want)
			got, err := ReadSamples(bytes.NewReader(data))
			if err != nil {
				t.Fatalf("ReadSamples() error = %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("ReadSamples() differs from what was written (-want +got):\n%s", diff)
			}
			if !bytes.Equal(data, archiveOf(t, got)) {
				t.Error("WriteSamples() made other bytes of the same samples")
			}
		})
	}
}

func TestWriteSamplesRefuses(t *testing.T) {
	cases := map[string]struct {
		change func(*Samples)
		want   string
	}{
		"no classes":       {func(s *Samples) { s.Classes = nil }, "no classes"},
		"class twice":      {func(s *Samples) { s.Classes[1] = "cat" }, `class "cat"`},
		"unknown label":    {func(s *Samples) { s.Items[1].Label = "cow" }, `label "cow"`},
		"a logit missing":  {func(s *Samples) { s.Items[0].Logits = []float32{1} }, "1 logits for 2 classes"},
		"not a number":     {func(s *Samples) { s.Items[0].Logits[0] = float32(math.NaN()) }, "not a finite number"},
		"not an image":     {func(s *Samples) { s.Items[0].Image = []byte("text") }, "sample 0 is neither"},
		"too many samples": {func(s *Samples) { s.Items = make257(s.Items[0]) }, "257 samples"},
		"image too large": {func(s *Samples) {
			s.Items[0].Image = append(s.Items[0].Image, make([]byte, MaxSampleBytes)...)
		}, "sample 0: more than"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := someSamples(t)
			tc.change(s)
			err := WriteSamples(&bytes.Buffer{}, s)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("WriteSamples() error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

func make257(s Sample) []Sample {
	items := make([]Sample, MaxSamples+1)
	for i := range items {
		items[i] = s
	}
	return items
}

func TestReadSamplesRefuses(t *testing.T) {
	const head = `{"version":1,"classes":["a"],"samples":[`
	one := `{"file":"images/000.png","label":"a","logits":[1]}`
	type file struct{ name, data string }
	cases := map[string]struct {
		files []file
		raw   string
		want  string
	}{
		"empty":             {want: "samples.json is missing"},
		"not a tar":         {raw: strings.Repeat("x", 2000), want: "not a tar archive"},
		"image first":       {files: []file{{"images/000.png", "x"}}, want: `found "images/000.png"`},
		"index not JSON":    {files: []file{{"samples.json", "{"}}, want: "samples.json: unexpected end"},
		"version":           {files: []file{{"samples.json", `{"version":2}`}}, want: "version is 2, want 1"},
		"image missing":     {files: []file{{"samples.json", head + one + `]}`}}, want: "images/000.png is missing"},
		"image of a name":   {files: []file{{"samples.json", head + one + `]}`}, {"../escape", "x"}}, want: `found "../escape"`},
		"more than listed":  {files: []file{{"samples.json", head + `]}`}, {"images/000.png", "x"}}, want: "more than its index lists"},
		"index too large":   {files: []file{{"samples.json", strings.Repeat(" ", maxIndexBytes+1)}}, want: "at most 8388608"},
		"logit out of span": {files: []file{{"samples.json", head + `{"file":"f","label":"a","logits":[1e99]}]}`}}, want: "cannot unmarshal"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			data := []byte(tc.raw)
			if tc.raw == "" {
				var b bytes.Buffer
				archive := tar.NewWriter(&b)
				for _, f := range tc.files {
					if err := writeEntry(archive, f.name, []byte(f.data)); err != nil {
						t.Fatal(err)
					}
				}
				if err := archive.Close(); err != nil {
					t.Fatal(err)
				}
				data = b.Bytes()
			}
			_, err := ReadSamples(bytes.NewReader(data))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("ReadSamples() error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestOpenSamples(t *testing.T) {
	data := archiveOf(t, someSamples(t))
	good := filepath.Join(t.TempDir(), "samples.tar")
	writeFile(t, good, data)
	digest, size, err := FileDigest(good)
	if err != nil || size != int64(len(data)) {
		t.Fatalf("FileDigest() = %d bytes, error %v, want %d", size, err, len(data))
	}
	cut := filepath.Join(t.TempDir(), "samples.tar")
	writeFile(t, cut, data[:len(data)/2])
	cutDigest, _, err := FileDigest(cut)
	if err != nil {
		t.Fatal(err)
	}

	cases := map[string]struct {
		path, digest string
		want         error
	}{
		"verified":              {path: good, digest: digest},
		"without a digest":      {path: good},
		"another digest":        {path: good, digest: cutDigest, want: ErrDigest},
		"cut":                   {path: cut, digest: digest, want: ErrDigest},
		"cut before publishing": {path: cut, digest: cutDigest, want: errAny},
		"missing":               {path: good + "x", want: os.ErrNotExist},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s, err := OpenSamples(tc.path, tc.digest)
			switch {
			case tc.want == nil && (err != nil || len(s.Items) != 2):
				t.Errorf("OpenSamples() = %v, error %v, want two samples", s, err)
			case errors.Is(tc.want, errAny) && (err == nil || errors.Is(err, ErrDigest)):
				t.Errorf("OpenSamples() error = %v, want one other than ErrDigest", err)
			case !errors.Is(tc.want, errAny) && !errors.Is(err, tc.want):
				t.Errorf("OpenSamples() error = %v, want %v", err, tc.want)
			}
		})
	}
}

// errAny stands for any error in a table.
var errAny = errors.New("any error")

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadVerified(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	writeFile(t, path, []byte("abc"))
	const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, appendix B.1
	if data, got, err := ReadVerified(path, digest, 3); err != nil || string(data) != "abc" || got != digest {
		t.Errorf("ReadVerified() = %q, %s, error %v", data, got, err)
	}
	if _, got, err := ReadVerified(path, "", 3); err != nil || got != digest {
		t.Errorf("ReadVerified() without a digest = %s, error %v", got, err)
	}
	if _, _, err := ReadVerified(path, strings.Repeat("0", 64), 3); !errors.Is(err, ErrDigest) {
		t.Errorf("ReadVerified() error = %v, want ErrDigest", err)
	}
	if _, _, err := ReadVerified(path, digest, 2); err == nil {
		t.Error("ReadVerified() of a file beyond the limit: no error")
	}
	if _, _, err := ReadVerified(path+"x", digest, 2); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ReadVerified() error = %v, want ErrNotExist", err)
	}
}

func FuzzReadSamples(f *testing.F) {
	f.Add(archiveOf(f, someSamples(f)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadSamples(bytes.NewReader(data))
		if err != nil {
			return
		}
		for i, item := range s.Items {
			if len(item.Logits) != len(s.Classes) {
				t.Fatalf("sample %d has %d logits for %d classes", i, len(item.Logits), len(s.Classes))
			}
		}
	})
}
