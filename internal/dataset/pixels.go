// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// The functions here work on square 8-bit images, RGB of shape [size, size, 3].

// mirror swaps left and right.
func mirror(pixels []uint8, size int) {
	const c = preprocess.Channels
	for y := range size {
		row := pixels[y*size*c : (y+1)*size*c]
		for left, right := 0, size-1; left < right; left, right = left+1, right-1 {
			for k := range c {
				row[left*c+k], row[right*c+k] = row[right*c+k], row[left*c+k]
			}
		}
	}
}

// rotate writes src, turned counter-clockwise about its center, to dst, with
// bilinear interpolation. What lies outside repeats the nearest edge.
func rotate(dst, src []uint8, size int, degrees float64) {
	const c = preprocess.Channels
	var (
		sine, cosine = math.Sincos(degrees * math.Pi / 180)
		sin, cos     = float32(sine), float32(cosine)
		center       = float32(size-1) / 2
		last         = float32(size - 1)
	)
	for y := range size {
		dy := float32(y) - center
		for x := range size {
			dx := float32(x) - center
			sx := min(max(cos*dx-sin*dy+center, 0), last)
			sy := min(max(sin*dx+cos*dy+center, 0), last)
			x0, y0 := int(sx), int(sy)
			fx, fy := sx-float32(x0), sy-float32(y0)
			right, below := 0, 0
			if x0 < size-1 {
				right = c
			}
			if y0 < size-1 {
				below = size * c
			}
			at := (y0*size + x0) * c
			for k := range c {
				top := float32(src[at+k])*(1-fx) + float32(src[at+right+k])*fx
				bottom := float32(src[at+below+k])*(1-fx) + float32(src[at+below+right+k])*fx
				dst[(y*size+x)*c+k] = clamp8(top*(1-fy) + bottom*fy)
			}
		}
	}
}

// enlarge writes a part of src, scaled to the whole size with bilinear interpolation, to dst.
func enlarge(dst, src []uint8, size int, part rectangle) {
	const c = preprocess.Channels
	columns := samplePoints(part.x, part.width, size)
	for y, row := range samplePoints(part.y, part.height, size) {
		upper, lower := row.first*size*c, row.second*size*c
		for x, column := range columns {
			left, right := column.first*c, column.second*c
			for k := range c {
				top := float32(src[upper+left+k])*(1-column.share) + float32(src[upper+right+k])*column.share
				bottom := float32(src[lower+left+k])*(1-column.share) + float32(src[lower+right+k])*column.share
				dst[(y*size+x)*c+k] = clamp8(top*(1-row.share) + bottom*row.share)
			}
		}
	}
}

// samplePoint lies between two pixels, by its share of the way from the first to the second.
type samplePoint struct {
	first, second int
	share         float32
}

// samplePoints are where the centers of size pixels lie, spread over length pixels from start on.
func samplePoints(start, length, size int) []samplePoint {
	points := make([]samplePoint, size)
	for i := range points {
		at := min(max((float64(i)+0.5)*float64(length)/float64(size)-0.5, 0), float64(length-1))
		first := int(at)
		points[i] = samplePoint{first: start + first, second: start + min(first+1, length-1), share: float32(at - float64(first))}
	}
	return points
}

// adjustBrightness scales every value.
func adjustBrightness(pixels []uint8, factor float32) {
	mapValues(pixels, func(v float32) float32 { return v * factor })
}

// adjustContrast scales every value's distance to the mean gray of the image.
func adjustContrast(pixels []uint8, factor float32) {
	var sum float64
	for i := 0; i < len(pixels); i += preprocess.Channels {
		sum += float64(gray(pixels[i:]))
	}
	mean := float32(sum / float64(len(pixels)/preprocess.Channels))
	mapValues(pixels, func(v float32) float32 { return mean + (v-mean)*factor })
}

// mapValues replaces each value by what f makes of it.
func mapValues(pixels []uint8, f func(float32) float32) {
	var table [256]uint8
	for v := range table {
		table[v] = clamp8(f(float32(v)))
	}
	for i, v := range pixels {
		pixels[i] = table[v]
	}
}

// adjustSaturation scales every value's distance to the gray of its pixel.
func adjustSaturation(pixels []uint8, factor float32) {
	for i := 0; i+2 < len(pixels); i += preprocess.Channels {
		g := gray(pixels[i:])
		for k := range preprocess.Channels {
			pixels[i+k] = clamp8(g + (float32(pixels[i+k])-g)*factor)
		}
	}
}

// gray is the luma of a pixel by ITU-R BT.601, 0 to 255.
func gray(pixel []uint8) float32 {
	return 0.299*float32(pixel[0]) + 0.587*float32(pixel[1]) + 0.114*float32(pixel[2])
}

func clamp8(v float32) uint8 { return uint8(min(max(v+0.5, 0), 255)) }
