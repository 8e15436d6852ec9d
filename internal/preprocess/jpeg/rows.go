// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import (
	"context"
	"encoding/binary"

	"github.com/trainyard-dev/trainyard/internal/preprocess/kernels"
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
		c.samples = sampleRows{stride: c.size * c.mcuBlocksX, perMCU: c.size * c.v}
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
					flat, err := d.sequential(i, &block)
					if err != nil {
						return err
					}
					d.inverseDCT(c, mx*c.h+h, my*c.v+v, &block, flat)
					if flat {
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
				d.inverseDCT(c, x, y, block, isFlat(block))
			}
		}
	}
}

// inverseDCT makes the samples of the component's block at x, y. flat says that it has no AC coefficients.
func (d *decoder) inverseDCT(c *component, x, y int, block *[blockLen]int16, flat bool) {
	dst := c.at(x, y)
	switch {
	case flat || c.size == 1:
		fillBlock(dst, c, kernels.Level((int32(block[0])*c.quant[0]+4)>>3))
	case c.size == 2:
		d.kernels.InverseDCT2(dst, c.samples.stride, block, &c.quant)
	case c.size == 4:
		d.kernels.InverseDCT4(dst, c.samples.stride, block, &c.quant)
	default:
		d.kernels.InverseDCT(dst, c.samples.stride, block, &c.quant)
	}
}

func fillBlock(dst []uint8, c *component, level uint8) {
	eight := uint64(level) * 0x0101010101010101
	for y := range c.size {
		row := dst[y*c.samples.stride:]
		if c.size == blockSide {
			binary.NativeEndian.PutUint64(row, eight)
			continue
		}
		for x := range row[:c.size] {
			row[x] = level
		}
	}
}

// isFlat reports whether a block has no AC coefficients.
func isFlat(block *[blockLen]int16) bool {
	for _, v := range block[1:] {
		if v != 0 {
			return false
		}
	}
	return true
}

// at is where the samples of the block at x, y go.
func (c *component) at(x, y int) []uint8 {
	s := &c.samples
	return s.data[(c.size*y)%(keptMCURows*s.perMCU)*s.stride+c.size*x:]
}
