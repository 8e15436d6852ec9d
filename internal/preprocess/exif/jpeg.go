// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package exif

import "encoding/binary"

// OfJPEG is the orientation that the first EXIF segment of a JPEG states, Upright where there is none.
func OfJPEG(data []byte) int {
	const (
		startLen   = 2
		markerSOS  = 0xda
		markerAPP1 = 0xe1
	)
	data = data[min(startLen, len(data)):]
	for len(data) >= 4 && data[0] == 0xff {
		marker := data[1]
		if marker == 0xff { // fill byte
			data = data[1:]
			continue
		}
		length := int(binary.BigEndian.Uint16(data[2:]))
		if marker == markerSOS || length < 2 || len(data) < 2+length {
			break
		}
		var m Metadata
		if m.AddJPEGSegment(data[4 : 2+length]); marker == markerAPP1 && m.HasEXIF() {
			return m.Orientation()
		}
		data = data[2+length:]
	}
	return Upright
}
