// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package png

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"io"

	"github.com/trainyard-dev/trainyard/internal/preprocess/exif"
)

// Keywords of text chunks that hold metadata: XMP, and EXIF as ImageMagick wrote it before PNG had a chunk for it.
const (
	keywordXMP  = "XML:com.adobe.xmp"
	keywordEXIF = "Raw profile type exif"
)

// maxText bounds an inflated text.
const maxText = 1 << 20

// metadataTexts are the last text chunks (11.3.4) with the keywords of metadata. They are inflated once the file has been
// walked through: a file has room for thousands of them.
type metadataTexts struct{ xmp, exif chunk }

// keep keeps a text chunk that holds metadata.
func (m *metadataTexts) keep(c chunk) {
	const maxKeyword = 79
	switch keyword, _, _ := bytes.Cut(c.body[:min(len(c.body), maxKeyword+1)], []byte{0}); string(keyword) {
	case keywordXMP:
		m.xmp = c
	case keywordEXIF:
		m.exif = c
	}
}

// addTo adds the texts to what other chunks have stated. What can't be read states nothing.
func (m *metadataTexts) addTo(metadata *exif.Metadata) {
	metadata.SetXMP(textOf(m.xmp))
	if !metadata.HasEXIF() {
		metadata.SetEXIF(rawProfile(textOf(m.exif)))
	}
}

// textOf is what a text chunk holds, inflated.
func textOf(c chunk) []byte {
	_, text, _ := bytes.Cut(c.body, []byte{0}) // the keyword
	compressed := c.kind == "zTXt"
	switch {
	case compressed && len(text) > 0:
		text = text[1:] // the method
	case c.kind == "iTXt" && len(text) > 2:
		compressed = text[0] != 0
		_, text, _ = bytes.Cut(text[2:], []byte{0}) // language
		_, text, _ = bytes.Cut(text, []byte{0})     // translated keyword
	}
	if compressed {
		return inflate(text)
	}
	return text
}

func inflate(data []byte) []byte {
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, maxText))
	if err != nil {
		return nil
	}
	return text
}

// rawProfile decodes a profile: an empty line, its name, its length, and lines of hexadecimal digits.
func rawProfile(text []byte) []byte {
	const linesBefore = 3
	lines := bytes.Split(text, []byte{'\n'})
	if len(lines) <= linesBefore {
		return nil
	}
	digits := bytes.Join(lines[linesBefore:], nil)
	profile := make([]byte, hex.DecodedLen(len(digits)))
	n, err := hex.Decode(profile, digits)
	if err != nil {
		return nil
	}
	return profile[:n]
}
