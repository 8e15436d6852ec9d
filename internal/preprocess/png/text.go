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

// addText takes the metadata that a text chunk holds (11.3.4). What can't be read states nothing.
func addText(metadata *exif.Metadata, c chunk) {
	keyword, text, ok := bytes.Cut(c.body, []byte{0})
	if !ok || string(keyword) != keywordXMP && string(keyword) != keywordEXIF {
		return
	}
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
		text = inflate(text)
	}
	if string(keyword) == keywordXMP {
		metadata.SetXMP(text)
	} else if !metadata.HasEXIF() {
		metadata.SetEXIF(rawProfile(text))
	}
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
