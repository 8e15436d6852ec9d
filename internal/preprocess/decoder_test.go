// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// progressive is a progressive JPEG, of which every coefficient must be kept: 61×43 pixels, 4:4:4.
const progressive = "testdata/progressive.jpg"

// An image waits until what it takes is free, and is refused if that will never be.
func TestDecoderAdmitsByMemory(t *testing.T) {
	const coefficients = 64 * 48 * 3 * 2
	spec := DefaultSpec(8)
	spec.Decode = ""
	data := readFile(t, progressive)
	img, err := open(data, DefaultLimits(), formats)
	if err != nil {
		t.Fatal(err)
	}
	needed := img.MemoryBytes + spec.resizeMemory(img)
	if needed < coefficients {
		t.Errorf("%d bytes are to be held, the coefficients alone take %d", needed, coefficients)
	}
	limits := DefaultLimits()
	limits.MemoryBytes = needed
	d := NewDecoder(limits)
	pixels := make([]uint8, spec.PixelLen())

	if !d.memory.TryAcquire(1) { // by another image
		t.Fatal("a decoder that does nothing holds memory")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough waited")
	cancel(reason)
	if err := d.Pixels(ctx, spec, pixels, data); !errors.Is(err, reason) {
		t.Errorf("with memory taken: error = %v, want %v", err, reason)
	}
	d.memory.Release(1)
	if err := d.Pixels(t.Context(), spec, pixels, data); err != nil {
		t.Errorf("with just enough memory: %v", err)
	}
	limits.MemoryBytes = needed - 1
	err = NewDecoder(limits).Pixels(t.Context(), spec, pixels, data)
	if !errors.Is(err, ErrMemory) || !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "raise the memory limit") {
		t.Errorf("with a byte less than needed: error = %v, want %v", err, ErrMemory)
	}
}

// All memory is free again after images that fail.
func TestDecoderReleasesMemory(t *testing.T) {
	data := readFile(t, progressive)
	spec := DefaultSpec(8)
	d := NewDecoder(DefaultLimits())
	pixels := make([]uint8, spec.PixelLen())
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, fail := range map[string]error{
		"cut":      d.Pixels(t.Context(), spec, pixels, data[:len(data)/2]),
		"canceled": d.Pixels(canceled, spec, pixels, data),
	} {
		if fail == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if !d.memory.TryAcquire(DefaultLimits().MemoryBytes) {
		t.Error("memory is still held")
	}
}

func TestKindOf(t *testing.T) {
	cases := map[string]struct{ data, want string }{
		"AVIF":           {"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "an AVIF"},
		"AVIF, later":    {"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", "an AVIF"},
		"HEIF":           {"\x00\x00\x00\x14ftypmif1\x00\x00\x00\x00miaf and on: avif", "an HEIF"},
		"HEIF, cut":      {"\x00\x00\x01\x00ftypmif1\x00\x00\x00\x00mi", "an HEIF"},
		"tar":            {"cat.jpg" + strings.Repeat("\x00", 250) + "ustar\x0000", "a tar archive"},
		"DICOM":          {strings.Repeat("\x00", 128) + "DICM\x02", "a DICOM"},
		"PPM":            {"P6\n640 480\n255\n", "a Netpbm image (PBM, PGM, PPM)"},
		"PGM, comment":   {"P5 # by hand\n", "a Netpbm image (PBM, PGM, PPM)"},
		"P, not PPM":     {"P3 is a paragraph", "text"},
		"base64":         {"/9j/4AAQSkZJRgABAQ==", "base64 text: decode it"},
		"base64 of URLs": {"_9j_4AAQSkZJRgABAQ==", "base64 text: decode it"},
		"another video":  {"\x00\x00\x00\x1cftypisom\x00\x00\x00\x00", "an MP4 or other ISO media file"},
		"AVI":            {"RIFF\x00\x00\x00\x00AVI LIST", "an AVI video"},
		"zlib":           {"\x78\x9c\x01\x02", "zlib-compressed data (Content-Encoding: deflate)"},
		"x, not zlib":    {"xylophone", "text"},
		"LFS":            {"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer instead of the file itself"},
		"HTML":           {"\xef\xbb\xbf \n<!DOCTYPE HTML><title>404</title>", "an HTML page"},
		"SVG":            {"<?xml version='1.0'?><!-- made by hand --><svg/>", "an SVG"},
		"letter cut":     {strings.Repeat("a", 4095) + "ä and on", "text"},
		"no text":        {"\xff\xfe\x00a", "data of no known kind"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, kindOf([]byte(tc.data))); diff != "" {
				t.Errorf("kindOf() (-want +got):\n%s", diff)
			}
		})
	}
}

// testdata/decoding1.json is what the first decoding made of files of testdata: their pixels at size 8.
func TestFirstDecodingStays(t *testing.T) {
	var golden map[string]string
	if err := json.Unmarshal(readFile(t, "testdata/decoding1.json"), &golden); err != nil {
		t.Fatal(err)
	}
	spec := DefaultSpec(8)
	for name, want := range golden {
		t.Run(name, func(t *testing.T) {
			pixels := make([]uint8, spec.PixelLen())
			if err := NewDecoder(DefaultLimits()).First().Pixels(t.Context(), spec, pixels, readFile(t, "testdata/"+name)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, hex.EncodeToString(pixels)); diff != "" {
				t.Errorf("pixels (-want +got):\n%s", diff)
			}
		})
	}
}
