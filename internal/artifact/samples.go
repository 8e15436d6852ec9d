// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Limits of a samples archive, held to by writer and reader alike.
const (
	// MaxSamples is the largest number of samples.
	MaxSamples = 256
	// MaxSampleBytes is the largest size of one encoded image.
	MaxSampleBytes = 32 << 20
	// MaxSamplesBytes is the largest size of all encoded images together.
	MaxSamplesBytes = 256 << 20
)

const (
	samplesVersion = 1
	samplesIndex   = "samples.json"
	// maxIndexBytes has room for MaxSamples times a thousand classes.
	maxIndexBytes = 8 << 20
)

// imageExtensions maps the content types that samples may have to the extension of their file.
var imageExtensions = map[string]string{
	"image/jpeg": ".jpg",
	"image/png":  ".png",
	"image/webp": ".webp",
	"image/bmp":  ".bmp",
	"image/gif":  ".gif",
}

// Samples are images that a model was not trained on, with what it answered for them when it was
// published. Whoever serves the model can be held to these answers.
//
// The archive is a tar file: first samples.json,
//
//	{"version": 1, "decoding": 2, "classes": ["cat", "dog"],
//	 "samples": [{"file": "images/000.png", "label": "cat", "logits": [2.31, -1.75]}, …]}
//
// then the images, in the order of the index. The same Samples always make the same bytes.
type Samples struct {
	// Classes are the class names of the model, in the order of its logits.
	Classes []string
	// Decoding says what was made of the images, see [preprocess.Decoding]: 1 and up, where archives that don't say have 1.
	Decoding int
	Items    []Sample
}

// Sample is one image, its ground truth and the model's answer.
type Sample struct {
	// Image is an encoded image: JPEG, PNG, WebP, BMP or GIF.
	Image []byte
	// Label is the ground truth, one of the classes.
	Label string
	// Logits are what the model answered, one for each class.
	Logits []float32
}

// index is the content of samples.json.
type index struct {
	Version int `json:"version"`
	// Decoding is left out where it is the first, as it was before there was another.
	Decoding int          `json:"decoding,omitempty"`
	Classes  []string     `json:"classes"`
	Samples  []indexEntry `json:"samples"`
}

type indexEntry struct {
	File   string    `json:"file"`
	Label  string    `json:"label"`
	Logits []float32 `json:"logits"`
}

// WriteSamples writes s as an archive. It is an error if s breaks a rule that ReadSamples checks.
func WriteSamples(w io.Writer, s *Samples) error {
	idx := index{Version: samplesVersion, Classes: s.Classes, Samples: []indexEntry{}}
	if s.Decoding > preprocess.DecodingFirst {
		idx.Decoding = s.Decoding
	}
	var total int64
	for i, item := range s.Items {
		extension, ok := imageExtensions[http.DetectContentType(item.Image)]
		if !ok {
			return fmt.Errorf("write samples: sample %d is neither JPEG, PNG, WebP, BMP nor GIF", i)
		}
		if total += int64(len(item.Image)); len(item.Image) > MaxSampleBytes || total > MaxSamplesBytes {
			return fmt.Errorf("write samples: sample %d: more than %d bytes an image or %d in all", i, MaxSampleBytes, int64(MaxSamplesBytes))
		}
		idx.Samples = append(idx.Samples, indexEntry{
			File: fmt.Sprintf("images/%03d%s", i, extension), Label: item.Label, Logits: item.Logits,
		})
	}
	if err := idx.validate(); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	encoded, err := json.Marshal(idx)
	if err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	if len(encoded) > maxIndexBytes {
		return fmt.Errorf("write samples: the index has %d bytes, at most %d are allowed: take fewer samples", len(encoded), maxIndexBytes)
	}
	archive := tar.NewWriter(w)
	if err := writeEntry(archive, samplesIndex, encoded); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	for i, entry := range idx.Samples {
		if err := writeEntry(archive, entry.File, s.Items[i].Image); err != nil {
			return fmt.Errorf("write samples: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	return nil
}

// writeEntry writes a file whose header holds nothing that differs from one writing to the next.
func writeEntry(archive *tar.Writer, name string, data []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644, Format: tar.FormatUSTAR}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := archive.Write(data)
	return err
}

// ReadSamples reads an archive that WriteSamples wrote. Nothing in r is trusted: counts, sizes and
// names are checked before memory is taken for them. The images themselves are not decoded.
func ReadSamples(r io.Reader) (*Samples, error) {
	archive := tar.NewReader(r)
	encoded, err := readEntry(archive, samplesIndex, maxIndexBytes)
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	var idx index
	if err := json.Unmarshal(encoded, &idx); err != nil {
		return nil, fmt.Errorf("read samples: %s: %w", samplesIndex, err)
	}
	if err := idx.validate(); err != nil {
		return nil, fmt.Errorf("read samples: %s: %w", samplesIndex, err)
	}
	s := &Samples{Classes: idx.Classes, Decoding: max(idx.Decoding, preprocess.DecodingFirst), Items: make([]Sample, 0, len(idx.Samples))}
	left := int64(MaxSamplesBytes)
	for _, entry := range idx.Samples {
		image, err := readEntry(archive, entry.File, min(MaxSampleBytes, left))
		if err != nil {
			return nil, fmt.Errorf("read samples: %w", err)
		}
		left -= int64(len(image))
		s.Items = append(s.Items, Sample{Image: image, Label: entry.Label, Logits: entry.Logits})
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read samples: the archive holds more than its index lists")
	}
	return s, nil
}

// readEntry reads the next file of archive, which must be called name.
func readEntry(archive *tar.Reader, name string, limit int64) ([]byte, error) {
	header, err := archive.Next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is missing", name)
	}
	if err != nil {
		return nil, fmt.Errorf("not a tar archive: %w", err)
	}
	if header.Name != name || header.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("found %q where the regular file %s must be", header.Name, name)
	}
	if header.Size > limit {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are allowed here", name, header.Size, limit)
	}
	var b bytes.Buffer // grows with what is there, not with what the header says
	if _, err := io.Copy(&b, archive); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b.Bytes(), nil
}

func (idx index) validate() error {
	if idx.Version != samplesVersion {
		return fmt.Errorf("version is %d, want %d", idx.Version, samplesVersion)
	}
	if idx.Decoding < 0 || idx.Decoding > preprocess.Decoding {
		return fmt.Errorf("decoding is %d, this version knows %d to %d", idx.Decoding, preprocess.DecodingFirst, preprocess.Decoding)
	}
	if len(idx.Classes) == 0 {
		return errors.New("there are no classes")
	}
	known := make(map[string]bool, len(idx.Classes))
	for _, class := range idx.Classes {
		if class == "" || known[class] {
			return fmt.Errorf("class %q is empty or there twice", class)
		}
		known[class] = true
	}
	if len(idx.Samples) > MaxSamples {
		return fmt.Errorf("there are %d samples, at most %d are allowed", len(idx.Samples), MaxSamples)
	}
	for i, entry := range idx.Samples {
		if !known[entry.Label] {
			return fmt.Errorf("sample %d: label %q is none of the classes", i, entry.Label)
		}
		if len(entry.Logits) != len(idx.Classes) {
			return fmt.Errorf("sample %d: %d logits for %d classes", i, len(entry.Logits), len(idx.Classes))
		}
		if slices.ContainsFunc(entry.Logits, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }) {
			return fmt.Errorf("sample %d: a logit is not a finite number", i)
		}
	}
	return nil
}

// OpenSamples reads the archive at path and verifies that its SHA-256, in hex, is digest, unless
// that is empty. A mismatch is ErrDigest, whatever else may be wrong with the file.
func OpenSamples(path, digest string) (*Samples, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	s, readErr := ReadSamples(io.TeeReader(f, h))
	if _, err := io.Copy(h, f); err != nil { // what the reader left
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if err := checkDigest(path, hex.EncodeToString(h.Sum(nil)), digest); err != nil {
		return nil, err
	}
	if readErr != nil {
		return nil, fmt.Errorf("%s: %w", path, readErr)
	}
	return s, nil
}
