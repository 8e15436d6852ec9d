// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"bytes"
	"encoding/binary"
)

// jpegOrientation returns the EXIF orientation of a JPEG, 1 to 8, or 0 if it
// states none. Cameras and phones store the sensor's pixels as they come and
// note here how the camera was held.
func jpegOrientation(data []byte) int {
	const (
		markerSOS  = 0xda
		markerAPP1 = 0xe1
	)
	data = data[2:] // start of image, checked by Decode
	for len(data) >= 4 && data[0] == 0xff {
		marker := data[1]
		if marker == 0xff { // fill byte
			data = data[1:]
			continue
		}
		length := int(binary.BigEndian.Uint16(data[2:]))
		if marker == markerSOS || length < 2 || len(data) < 2+length {
			return 0
		}
		segment := data[4 : 2+length]
		if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == markerAPP1 {
			return tiffOrientation(tiff)
		}
		data = data[2+length:]
	}
	return 0
}

// tiffOrientation reads the orientation tag of the first directory of a TIFF
// structure (TIFF 6.0, section 2).
func tiffOrientation(tiff []byte) int {
	const (
		headerLen      = 8
		entryLen       = 12
		tagOrientation = 0x0112
		typeShort      = 3
	)
	if len(tiff) < headerLen {
		return 0
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	offset := int64(order.Uint32(tiff[4:]))
	if offset+2 > int64(len(tiff)) {
		return 0
	}
	entries := tiff[offset+2:]
	for range order.Uint16(tiff[offset:]) {
		if len(entries) < entryLen {
			return 0
		}
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
		entries = entries[entryLen:]
	}
	return 0
}

// orient writes src, a square RGB image of side size, to dst as the EXIF
// orientation says it should stand.
func orient(dst, src []uint8, size, orientation int) {
	last := size - 1
	for y := range size {
		for x := range size {
			// Where the upright pixel (x, y) is stored.
			sx, sy := x, y
			switch orientation {
			case 2: // mirrored left to right
				sx = last - x
			case 3: // turned by 180°
				sx, sy = last-x, last-y
			case 4: // mirrored top to bottom
				sy = last - y
			case 5: // mirrored along the main diagonal
				sx, sy = y, x
			case 6: // to be turned by 90° clockwise
				sx, sy = y, last-x
			case 7: // mirrored along the other diagonal
				sx, sy = last-y, last-x
			case 8: // to be turned by 90° counter-clockwise
				sx, sy = last-y, x
			}
			copy(dst[Channels*(y*size+x):][:Channels], src[Channels*(sy*size+sx):][:Channels])
		}
	}
}
