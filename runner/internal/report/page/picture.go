// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"image"
	"image/color"
	"image/png"

	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// jpegURL holds a picture.
func jpegURL(jpeg []byte) template.URL {
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(jpeg))
}

// maxMapSide bounds a map, which is read from a file.
const maxMapSide = 256

// heatURL holds a map as a picture that lies over the image: what speaks for the class glows. Empty if the map is none.
func heatURL(m *report.Map) template.URL {
	if m.Width < 1 || m.Height < 1 || m.Width > maxMapSide || m.Height > maxMapSide || len(m.Values) != m.Width*m.Height {
		return ""
	}
	picture := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i, v := range m.Values {
		picture.SetNRGBA(i%m.Width, i/m.Width, glow(v))
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return ""
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}

// glow goes from nothing over red to yellow.
func glow(v byte) color.NRGBA {
	const most = 190 // the image shows through
	return color.NRGBA{R: 255, G: uint8(max(0, 2*int(v)-255)), B: 0, A: uint8(int(v) * int(v) * most / (255 * 255))}
}
