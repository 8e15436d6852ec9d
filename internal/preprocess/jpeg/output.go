// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import (
	"github.com/trainyard-dev/trainyard/internal/preprocess/kernels"
	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// output makes rows of RGB of the components' samples.
type output struct {
	frame   *frame
	width   int
	height  int
	kernels *kernels.Set
	colors  transform
	emit    func(row []uint8)
	next    int // the row to emit next
	// rows are the components' rows of the picture's width; planes hold those that are not a component's own samples.
	rows, planes [maxComponents][]uint8
	rgb          []uint8
	// smoothDown says that some component's rows need the row below.
	smoothDown bool
}

func newOutput(d *decoder, emit func([]uint8)) *output {
	width, height := d.frame.size()
	o := &output{
		frame: &d.frame, width: width, height: height, kernels: d.kernels, colors: d.colors(), emit: emit,
		rgb: make([]uint8, raster.Channels*width),
	}
	for i := range d.frame.components {
		o.planes[i] = make([]uint8, width+upsamplingSlack)
		o.smoothDown = o.smoothDown || d.frame.components[i].upsample.smoothDown
	}
	return o
}

// upTo emits the rows that the samples up to the given row of MCUs make. Where smoothing needs the row below, the last rows
// wait for the next row of MCUs.
func (o *output) upTo(my int) {
	end := min((my+1)*o.frame.maxV*o.frame.side, o.height)
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
	u := &c.upsample
	nearest := y / u.down
	if u.row == nil {
		o.rows[i] = c.row(nearest)
		return
	}
	o.rows[i] = o.planes[i]
	var next []uint8
	upper := y%u.down == 0
	switch {
	case u.smoothDown && upper:
		next = c.row(nearest - 1)
	case u.smoothDown:
		next = c.row(nearest + 1)
	}
	u.row(o.kernels, o.planes[i], c.row(nearest), next, upper)
}

// convert makes RGB of the planes.
func (o *output) convert() {
	width := o.width
	p0, p1, p2, p3 := o.rows[0], o.rows[1], o.rows[2], o.rows[3]
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
		o.kernels.ConvertYCC(o.rgb, p0[:width], p1[:width], p2[:width])
	case transformYCCK:
		// The conversion gives the inverse of cyan, magenta and yellow, which stand inverted in the file: so it is theirs.
		o.kernels.ConvertYCC(o.rgb, p0[:width], p1[:width], p2[:width])
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
