// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

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
