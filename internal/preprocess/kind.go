// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"strings"
	"unicode/utf8"
)

// others are kinds of files that are not decoded, by their first bytes, so that whoever sends one learns what it is.
var others = []struct{ magic, name string }{
	{"II*\x00", "a TIFF"},
	{"MM\x00*", "a TIFF"},
	{"II+\x00", "a BigTIFF"},
	{"MM\x00+", "a BigTIFF"},
	{"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000"},
	{"\xff\x4f\xff\x51", "a JPEG 2000"},
	{"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL"},
	{"\xff\x0a", "a JPEG XL"},
	{"II\xbc\x01", "a JPEG XR"},
	{"8BPS", "a Photoshop document"},
	{"\x00\x00\x01\x00", "an icon (ICO)"},
	{"\x00\x00\x02\x00", "a cursor (CUR)"},
	{"qoif", "a QOI"},
	{"farbfeld", "a farbfeld"},
	{"\x76\x2f\x31\x01", "an OpenEXR"},
	{"#?RADIANCE", "a Radiance HDR"},
	{"DDS ", "a DirectDraw surface (DDS)"},
	{"SIMPLE  =", "a FITS"},
	{"P7\nWIDTH", "a Netpbm image (PAM)"},
	{"icns", "an Apple icon (ICNS)"},
	{"gimp xcf ", "a GIMP image (XCF)"},
	{"\x01\xda\x00", "an SGI image"},
	{"\x01\xda\x01", "an SGI image"},
	{"\x0a\x05\x01", "a PCX"},
	{"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"},
	{"AT&TFORM", "a DjVu document"},
	{"FUJIFILMCCD-RAW", "a Fujifilm raw photo (RAF)"},
	{"IIU\x00", "a Panasonic raw photo (RW2)"},
	{"IIRO", "an Olympus raw photo (ORF)"},
	{"\x8aMNG\r\n\x1a\n", "an MNG animation"},
	{"%PDF-", "a PDF"},
	{"%!PS", "a PostScript file"},
	{"RIFF????AVI ", "an AVI video"},
	{"RIFF????WAVE", "a WAV sound"},
	{"\x1aE\xdf\xa3", "a Matroska or WebM video"},
	{"OggS", "an Ogg file"},
	{"\x1f\x8b", "gzip-compressed data"},
	{"\x28\xb5\x2f\xfd", "Zstandard-compressed data"},
	{"BZh", "bzip2-compressed data"},
	{"\xfd7zXZ\x00", "xz-compressed data"},
	{"\x04\x22\x4d\x18", "LZ4-compressed data"},
	{"\x1f\x9d", "data compressed by compress (.Z)"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"},
	{"Rar!\x1a\x07", "a RAR archive"},
	{"PK\x03\x04", "a ZIP archive"},
	{"PK\x05\x06", "an empty ZIP archive"},
	{"\x89HDF\r\n\x1a\n", "an HDF5 file"},
	{"\x93NUMPY", "a NumPy array"},
	{"????TFL3", "a TensorFlow Lite model"},
	{"GGUF", "a GGUF model"},
	{"PAR1", "a Parquet file"},
	{"ARROW1", "an Arrow file"},
	{"\x80\x02", "a Python pickle"},
	{"\x80\x03", "a Python pickle"},
	{"\x80\x04\x95", "a Python pickle"},
	{"\x80\x05\x95", "a Python pickle"},
	{"SQLite format 3\x00", "an SQLite database"},
	{"\x7fELF", "an ELF program"},
	{"version https://git-lfs", "a Git LFS pointer instead of the file itself"},
}

// brands are the major brands of ISO base media files (ISO/IEC 14496-12, 4.3) that hold pictures.
var brands = map[string]string{
	"avif": "an AVIF", "avis": "an animated AVIF",
	"heic": "an HEIC", "heix": "an HEIC", "heim": "an HEIC", "heis": "an HEIC", "mif1": "an HEIF", "msf1": "an animated HEIF",
	"hevc": "an animated HEIC", "hevx": "an animated HEIC", "crx ": "a Canon raw photo (CR3)", "jxl ": "a JPEG XL",
}

// netpbm is how PBM, PGM and PPM begin: what kind they are, and their width or a comment.
var netpbm = regexp.MustCompile(`^P[1-6]\s+[0-9#]`)

// later are kinds of files that are known by bytes behind the first.
var later = []struct {
	offset      int
	magic, name string
}{
	{128, "DICM", "a DICOM"},
	{257, "ustar", "a tar archive"},
	{344, "n+1\x00", "a NIfTI"},
}

// generalBrands say that there are pictures, and not of which kind.
var generalBrands = map[string]bool{"mif1": true, "msf1": true}

// kindOf says what data is that is none of the formats decoded.
func kindOf(data []byte) string { return cmp.Or(KindOf(data), "data of no known kind") }

// KindOf says what a file is, such as "a GIF" or "a Git LFS pointer instead of the file itself", by its content. It is empty for
// what is not known, and for the formats that are decoded.
func KindOf(data []byte) string {
	if hasMagic(data, "????ftyp????") { // first, as the length of the box may look like an icon
		return mediaKind(data)
	}
	for _, other := range others {
		if hasMagic(data, other.magic) {
			return other.name
		}
	}
	for _, other := range later {
		if len(data) > other.offset && hasMagic(data[other.offset:], other.magic) {
			return other.name
		}
	}
	if netpbm.Match(data[:min(len(data), 64)]) {
		return "a Netpbm image (PBM, PGM, PPM)"
	}
	if name, ok := zlibKind(data); ok {
		return name
	}
	return textKind(data)
}

// mediaKind tells ISO base media files from each other, by the major brand, or where that says no more than that pictures are
// in it, by the first compatible brand that does.
func mediaKind(data []byte) string {
	const major, compatible, brandLen = 8, 16, 4
	name, ok := brands[string(data[major:major+brandLen])]
	if !ok {
		return "an MP4 or other ISO media file"
	}
	if !generalBrands[string(data[major:major+brandLen])] {
		return name
	}
	box := data[:min(int64(len(data)), int64(binary.BigEndian.Uint32(data)))]
	for at := compatible; at+brandLen <= len(box); at += brandLen {
		brand := box[at : at+brandLen]
		if other, ok := brands[string(brand)]; ok && !generalBrands[string(brand)] {
			return other
		}
	}
	return name
}

// zlibKind recognizes a zlib stream by the rule for its first two bytes (RFC 1950, 2.2).
func zlibKind(data []byte) (string, bool) {
	const deflateWith32K = 0x78
	if len(data) > 2 && data[0] == deflateWith32K && (int(data[0])<<8|int(data[1]))%31 == 0 && data[1]&0x20 == 0 {
		return "zlib-compressed data (Content-Encoding: deflate)", true
	}
	return "", false
}

// textKind tells kinds of text, all of which are no pictures, from each other.
func textKind(data []byte) string {
	head := data[:min(len(data), 4096)]
	if len(head) < len(data) {
		for i := 0; i < utf8.UTFMax && !utf8.Valid(head); i++ { // cut within a letter
			head = head[:len(head)-1]
		}
	}
	if bytes.IndexByte(head, 0) >= 0 || !utf8.Valid(head) {
		return ""
	}
	text := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(string(head), "\ufeff")))
	switch {
	case strings.HasPrefix(text, "<svg"), strings.HasPrefix(text, "<?xml") && strings.Contains(text, "<svg"):
		return "an SVG"
	case strings.HasPrefix(text, "<!doctype html"), strings.HasPrefix(text, "<html"):
		return "an HTML page"
	case strings.HasPrefix(text, "<?xml"):
		return "an XML document"
	case strings.HasPrefix(text, "data:"):
		return "a data URL: decode what follows its comma"
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		return "JSON"
	case isBase64(head):
		return "base64 text: decode it"
	}
	return "text"
}

// isBase64 reports whether text is the beginning of an image in base64, of either alphabet.
func isBase64(text []byte) bool {
	text = bytes.Join(bytes.Fields(text), nil)
	text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("-"), []byte("+")), []byte("_"), []byte("/"))
	text = text[:len(text)/4*4]
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(decoded, text)
	if err != nil {
		return false
	}
	for _, f := range formats {
		if hasMagic(decoded[:n], f.magic) {
			return true
		}
	}
	return false
}
