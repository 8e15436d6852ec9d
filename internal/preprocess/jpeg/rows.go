// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import (
	"context"
)

// keptMCURows is how many rows of MCUs a component's samples are kept of: smoothing looks at the row before.
const keptMCURows = 2

// sampleRows holds a component's samples of the last rows of MCUs.
type sampleRows struct {
	stride, perMCU int
	data           []uint8 // keptMCURows × perMCU rows
}

// row returns sample row y; rows outside the picture repeat its first and last.
func (c *component) row(y int) []uint8 {
	s := &c.samples
	y = min(max(y, 0), c.height-1) % (keptMCURows * s.perMCU)
	return s.data[y*s.stride:][:c.width]
}

// Rows decodes the picture; see raster.Picture. A Picture's rows can be read once.
func (p *Picture) Rows(ctx context.Context, emit func(row []uint8)) error {
	d := &p.decoder
	out := newOutput(d, emit)
	buffered := d.buffered()
	if buffered {
		if err := d.decodeBuffered(ctx); err != nil {
			return err
		}
	} else {
		d.startData()
	}
	for i := range d.frame.components {
		c := &d.frame.components[i]
		c.samples = sampleRows{stride: blockSide * c.mcuBlocksX, perMCU: blockSide * c.v}
		c.samples.data = make([]uint8, keptMCURows*c.samples.perMCU*c.samples.stride)
	}
	for my := range d.frame.mcusY {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if buffered {
			d.transformMCURow(my)
		} else if err := d.decodeMCURow(my); err != nil {
			return err
		}
		out.upTo(my)
	}
	if buffered {
		return nil
	}
	d.endData()
	return d.toEnd()
}

// toEnd passes over what follows the one scan of a picture: without an end marker a file is cut off.
func (d *decoder) toEnd() error {
	for {
		marker, err := d.nextMarker()
		if err != nil {
			return err
		}
		if marker == markerEOI {
			return nil
		}
	}
}

// decodeMCURow decodes a row of MCUs of the only scan straight to samples.
func (d *decoder) decodeMCURow(my int) error {
	var block [blockLen]int16
	for mx := range d.frame.mcusX {
		if err := d.beforeMCU(); err != nil {
			return err
		}
		for i, c := range d.scan.components {
			for v := range c.v {
				for h := range c.h {
					last, err := d.sequential(i, &block)
					if err != nil {
						return err
					}
					inverseDCT(c.samples.at(mx*c.h+h, my*c.v+v), c.samples.stride, &block, &c.quant, last)
					if last == 0 {
						block[0] = 0
					} else {
						block = [blockLen]int16{}
					}
				}
			}
		}
	}
	return nil
}

// transformMCURow makes samples of a row of MCUs of the buffered coefficients.
func (d *decoder) transformMCURow(my int) {
	for i := range d.frame.components {
		c := &d.frame.components[i]
		for v := range c.v {
			y := my*c.v + v
			for x := range c.mcuBlocksX {
				block := c.block(x, y)
				inverseDCT(c.samples.at(x, y), c.samples.stride, block, &c.quant, lastOf(block))
			}
		}
	}
}

// lastOf bounds the index, in zigzag order, of the last coefficient that is there, as inverseDCT makes use of it.
func lastOf(block *[blockLen]int16) int {
	const inFourColumns = 9 // up to here in zigzag order
	var left, right int16
	for y := 0; y < blockLen; y += blockSide {
		row := (*[blockSide]int16)(block[y:])
		left |= row[1] | row[2] | row[3]
		right |= row[4] | row[5] | row[6] | row[7]
		if y > 0 {
			left |= row[0]
		}
	}
	switch {
	case right != 0:
		return blockLen - 1
	case left != 0:
		return inFourColumns
	default:
		return 0
	}
}

// at is where the samples of the block at x, y go.
func (s *sampleRows) at(x, y int) []uint8 {
	return s.data[(blockSide*y)%(keptMCURows*s.perMCU)*s.stride+blockSide*x:]
}
