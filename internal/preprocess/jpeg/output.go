// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import "github.com/trainyard-dev/trainyard/internal/preprocess/raster"

// output makes rows of RGB of the components' samples.
type output struct {
	frame  *frame
	colors transform
	emit   func(row []uint8)
	next   int // the row to emit next
	planes [maxComponents][]uint8
	rgb    []uint8
	// smoothDown says that some component's rows need the row below.
	smoothDown bool
}

func newOutput(d *decoder, emit func([]uint8)) *output {
	o := &output{frame: &d.frame, colors: d.colors(), emit: emit, rgb: make([]uint8, raster.Channels*d.frame.width)}
	for i := range d.frame.components {
		o.planes[i] = make([]uint8, d.frame.width+upsamplingSlack)
		o.smoothDown = o.smoothDown || d.frame.components[i].upsample.smoothDown
	}
	return o
}

// upTo emits the rows that the samples up to the given row of MCUs make. Where smoothing needs the row below, the last rows
// wait for the next row of MCUs.
func (o *output) upTo(my int) {
	end := min((my+1)*o.frame.maxV*blockSide, o.frame.height)
	if o.smoothDown && my < o.frame.mcusY-1 {
		end -= o.frame.maxV
	}
	for ; o.next < end; o.next++ {
		for i := range o.frame.components {
			o.upsample(i, o.next)
		}
		o.convert()
		o.emit(o.rgb)
	}
}

// upsample makes row y of component i.
func (o *output) upsample(i, y int) {
	c := &o.frame.components[i]
	nearest := y / c.upsample.down
	upper := y%c.upsample.down == 0
	next := nearest + 1
	if upper {
		next = nearest - 1
	}
	var second []uint8
	if c.upsample.smoothDown {
		second = c.row(next)
	}
	c.upsample.row(o.planes[i], c.row(nearest), second, upper)
}

// convert makes RGB of the planes.
func (o *output) convert() {
	width := o.frame.width
	p0, p1, p2, p3 := o.planes[0], o.planes[1], o.planes[2], o.planes[3]
	switch o.colors {
	case transformGray:
		for x, v := range p0[:width] {
			pixel := o.rgb[3*x:][:3]
			pixel[0], pixel[1], pixel[2] = v, v, v
		}
	case transformRGB:
		for x := range width {
			pixel := o.rgb[3*x:][:3]
			pixel[0], pixel[1], pixel[2] = p0[x], p1[x], p2[x]
		}
	case transformYCbCr:
		yccRow(o.rgb, p0[:width], p1, p2)
	case transformYCCK:
		// The conversion gives the inverse of cyan, magenta and yellow, which stand inverted in the file: so it is theirs.
		yccRow(o.rgb, p0[:width], p1, p2)
		for x, k := range p3[:width] {
			pixel := o.rgb[3*x:][:3]
			for i, v := range pixel {
				pixel[i] = ink(255-v, k)
			}
		}
	case transformCMYK:
		for x, k := range p3[:width] {
			pixel := o.rgb[3*x:][:3]
			pixel[0], pixel[1], pixel[2] = ink(p0[x], k), ink(p1[x], k), ink(p2[x], k)
		}
	}
}

// ink is the light that an ink and black leave, both inverted as in JPEG files: Pillow's CMYK;I, then its conversion.
func ink(inverted, invertedBlack uint8) uint8 {
	product := int32(255-inverted)*int32(invertedBlack) + 128
	return uint8(max(int32(invertedBlack)-(product>>8+product)>>8, 0))
}

// Tables of the conversion from YCbCr with 16 bits of fraction (JFIF 1.02, section 7), rounded as libjpeg does.
var redOfCr, blueOfCb, greenOfCr, greenOfCb [256]int32

func init() {
	const half = 1 << 15
	for i := range int32(256) {
		v := i - 128
		redOfCr[i] = (91881*v + half) >> 16
		blueOfCb[i] = (116130*v + half) >> 16
		greenOfCr[i] = -46802 * v
		greenOfCb[i] = -22554*v + half
	}
}

func yccRow(rgb, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	rgb = rgb[:3*len(luma)]
	for x, y8 := range luma {
		y, b, r := int32(y8), cb[x], cr[x]
		pixel := (*[3]uint8)(rgb[3*x:])
		pixel[0] = clamp(y + redOfCr[r])
		pixel[1] = clamp(y + (greenOfCb[b]+greenOfCr[r])>>16)
		pixel[2] = clamp(y + blueOfCb[b])
	}
}

func clamp(v int32) uint8 {
	if uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint8(v)
}
