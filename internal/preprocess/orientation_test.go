// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withOrientation puts an EXIF segment with one tag before the rest of a JPEG.
func withOrientation(jpegData []byte, orientation uint16, order binary.AppendByteOrder) []byte {
	tiff := []byte("MM\x00*")
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		tiff = []byte("II*\x00")
	}
	tiff = order.AppendUint32(tiff, 8) // offset of the directory
	tiff = order.AppendUint16(tiff, 1) // entries
	tiff = order.AppendUint16(tiff, 0x0112)
	tiff = order.AppendUint16(tiff, 3) // SHORT
	tiff = order.AppendUint32(tiff, 1) // count
	tiff = order.AppendUint16(tiff, orientation)
	tiff = append(tiff, 0, 0)
	return withAPP1(jpegData, append([]byte("Exif\x00\x00"), tiff...))
}

func withAPP1(jpegData, segment []byte) []byte {
	out := []byte{0xff, 0xd8, 0xff, 0xe1}
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	out = append(out, segment...)
	return append(out, jpegData[2:]...)
}

func TestJPEGOrientation(t *testing.T) {
	plain := encodeJPEG(t, pattern(8, 8))
	cases := map[string]struct {
		data []byte
		want int
	}{
		"no EXIF":               {data: plain, want: 0},
		"big endian":            {data: withOrientation(plain, 6, binary.BigEndian), want: 6},
		"little endian":         {data: withOrientation(plain, 8, binary.LittleEndian), want: 8},
		"out of range":          {data: withOrientation(plain, 9, binary.BigEndian), want: 0},
		"segment of another":    {data: withAPP1(plain, []byte("http://ns.adobe.com/xap/1.0/\x00")), want: 0},
		"after another segment": {data: withAPP1(withOrientation(plain, 3, binary.BigEndian), []byte("JFXX\x00")), want: 3},
		"header cut":            {data: withAPP1(plain, []byte("Exif\x00\x00MM\x00*")), want: 0},
		"offset past the end":   {data: withAPP1(plain, []byte("Exif\x00\x00MM\x00*\xff\xff\xff\xff")), want: 0},
		"entries missing":       {data: withAPP1(plain, []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff")), want: 0},
		"unknown byte order":    {data: withAPP1(plain, []byte("Exif\x00\x00XX\x00*\x00\x00\x00\x08\x00\x00")), want: 0},
		"segment past the end":  {data: []byte("\xff\xd8\xff\xe1\xff\xff"), want: 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := jpegOrientation(tc.data); got != tc.want {
				t.Errorf("jpegOrientation() = %d, want %d", got, tc.want)
			}
		})
	}
}

// The upright picture is "rb/..": its top left quarter red, its top right one
// blue. Each stored form of it must come out so.
func TestResizeStandsUpright(t *testing.T) {
	cases := map[string]struct {
		orientation int
		stored      string // quarters: top left, top right, bottom left, bottom right
	}{
		"unset":                  {orientation: 0, stored: "rb.."},
		"upright":                {orientation: 1, stored: "rb.."},
		"mirrored left to right": {orientation: 2, stored: "br.."},
		"upside down":            {orientation: 3, stored: "..br"},
		"mirrored top to bottom": {orientation: 4, stored: "..rb"},
		"transposed":             {orientation: 5, stored: "r.b."},
		"turned left":            {orientation: 6, stored: "b.r."},
		"transversed":            {orientation: 7, stored: ".b.r"},
		"turned right":           {orientation: 8, stored: ".r.b"},
	}
	colors := map[byte]color.Color{'r': color.RGBA{R: 255, A: 255}, 'b': color.RGBA{B: 255, A: 255}, '.': color.Black}
	names := map[[3]uint8]byte{{255, 0, 0}: 'r', {0, 0, 255}: 'b', {0, 0, 0}: '.'}
	spec := DefaultSpec(8)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			img := image.NewRGBA(image.Rect(0, 0, 16, 16))
			for quarter := range 4 {
				corner := image.Pt(quarter%2*8, quarter/2*8)
				draw.Draw(img, image.Rectangle{corner, corner.Add(image.Pt(8, 8))}, image.NewUniform(colors[tc.stored[quarter]]), image.Point{}, draw.Src)
			}
			pixels := make([]uint8, spec.PixelLen())
			spec.ResizeRGB(pixels, Image{Pixels: img, Orientation: tc.orientation})
			var got []byte
			for quarter := range 4 {
				x, y := quarter%2*4+1, quarter/2*4+1 // away from the blurred seams
				got = append(got, names[[3]uint8(pixels[3*(8*y+x):])])
			}
			if diff := cmp.Diff("rb..", string(got)); diff != "" {
				t.Errorf("quarters (-want +got):\n%s", diff)
			}
		})
	}
}
