// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package exif finds out how a picture must be turned to stand upright, by what its file says in EXIF or, failing that, in
// XMP. Cameras and phones store the sensor's pixels as they come and note there how they were held.
package exif

import (
	"bytes"
	"encoding/binary"
	"regexp"
)

// Upright is the orientation of a picture that stands as it is stored.
const Upright = 1

const (
	exifPrefix = "Exif\x00\x00"
	xmpPrefix  = "http://ns.adobe.com/xap/1.0/\x00"
)

// Metadata are the parts of a file that may state an orientation. The rules are Pillow's: all EXIF segments make one
// structure; XMP counts where EXIF has no orientation.
type Metadata struct {
	exif, xmp []byte
}

// AddJPEGSegment copies the content of an APP1 segment. It must not follow SetEXIF.
func (m *Metadata) AddJPEGSegment(body []byte) {
	if tiff, ok := bytes.CutPrefix(body, []byte(exifPrefix)); ok {
		if len(m.exif) == 0 {
			tiff = bytes.TrimPrefix(tiff, []byte(exifPrefix)) // some programs write it twice
		}
		m.exif = append(m.exif, tiff...)
	}
	if xmp, ok := bytes.CutPrefix(body, []byte(xmpPrefix)); ok {
		m.xmp = xmp
	}
}

// SetEXIF takes a TIFF structure, with or without the prefix that JPEG gives it.
func (m *Metadata) SetEXIF(data []byte) {
	for range 2 { // some programs write the prefix twice
		data = bytes.TrimPrefix(data, []byte(exifPrefix))
	}
	m.exif = data
}

// SetXMP takes an XMP packet.
func (m *Metadata) SetXMP(data []byte) { m.xmp = data }

// HasEXIF reports whether there is any EXIF.
func (m *Metadata) HasEXIF() bool { return len(m.exif) > 0 }

var xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)

// Orientation is 1 to 8, Upright where none is stated or it is out of range.
func (m *Metadata) Orientation() int {
	orientation, ok := tiffOrientation(m.exif)
	if !ok {
		if match := xmpOrientation.FindSubmatch(m.xmp); match != nil {
			orientation = int64(match[1][0] - '0')
		}
	}
	if orientation < 1 || orientation > 8 {
		return Upright
	}
	return int(orientation)
}

// Types of a TIFF directory's entries (TIFF 6.0, section 2) that hold whole numbers, with their length in bytes. BYTE is
// not among them: Pillow takes it for text.
var integerLen = map[uint16]int64{typeShort: 2, typeLong: 4, typeSignedByte: 1, typeSignedShort: 2, typeSignedLong: 4}

const (
	typeShort       = 3
	typeLong        = 4
	typeSignedByte  = 6
	typeSignedShort = 8
	typeSignedLong  = 9
)

// tiffOrientation reads the orientation tag of the first directory of a TIFF structure. The first entry counts, and of
// several values the first. ok says that the tag is there, whatever it holds.
func tiffOrientation(tiff []byte) (orientation int64, ok bool) {
	const (
		headerLen      = 8
		entryLen       = 12
		tagOrientation = 0x0112
	)
	if len(tiff) < headerLen {
		return 0, false
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0, false
	}
	offset := int64(order.Uint32(tiff[4:]))
	if offset+2 > int64(len(tiff)) {
		return 0, false
	}
	entries := tiff[offset+2:]
	for range order.Uint16(tiff[offset:]) {
		if len(entries) < entryLen {
			break
		}
		if order.Uint16(entries) == tagOrientation {
			return integer(tiff, order, entries[:entryLen]), true
		}
		entries = entries[entryLen:]
	}
	return 0, false
}

// integer reads an entry's first value, 0 if that is no whole number: the standard asks for SHORT, and programs write others.
// Values that take more than four bytes lie elsewhere.
func integer(tiff []byte, order binary.ByteOrder, entry []byte) int64 {
	kind, count, value := order.Uint16(entry[2:]), int64(order.Uint32(entry[4:])), entry[8:]
	length := integerLen[kind]
	if count*length > int64(len(value)) {
		offset := int64(order.Uint32(value))
		if offset+length > int64(len(tiff)) {
			return 0
		}
		value = tiff[offset:]
	}
	if count == 0 || length == 0 {
		return 0
	}
	switch kind {
	case typeSignedByte:
		return int64(int8(value[0]))
	case typeShort:
		return int64(order.Uint16(value))
	case typeSignedShort:
		return int64(int16(order.Uint16(value)))
	case typeLong:
		return int64(order.Uint32(value))
	default:
		return int64(int32(order.Uint32(value)))
	}
}
