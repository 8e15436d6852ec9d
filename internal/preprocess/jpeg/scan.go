// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import (
	"context"
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// scan is what a scan header (T.81, B.2.3) says, and the state of decoding.
type scan struct {
	components []*component
	dc, ac     [maxComponents]*huffman
	// specStart and specEnd bound the coefficients in zigzag order; high and low are the bits of successive
	// approximation. A sequential scan has 0, 63, 0, 0.
	specStart, specEnd int
	high, low          uint

	previousDC [maxComponents]int32
	// endOfBand is how many blocks more have no coefficients in this band.
	endOfBand int
	// untilRestart counts MCUs.
	untilRestart int
	nextRestart  byte
}

// maxScans bounds the scans of a picture. Encoders write up to about twenty; each goes over the whole picture, and takes a
// few bytes in the file.
const maxScans = 100

// allMissing says that no scan has held a coefficient: more bits than it can have.
const allMissing = 255

// startScan reads a scan header.
func (d *decoder) startScan(body []byte) error {
	invalid := fmt.Errorf("%w: invalid scan header", raster.ErrCorrupt)
	if !d.hasFrame {
		return fmt.Errorf("%w: a scan before the frame header", raster.ErrCorrupt)
	}
	if len(body) < 1 || body[0] < 1 || body[0] > maxComponents || len(body) < 4+2*int(body[0]) {
		return invalid
	}
	n := int(body[0])
	d.scan = scan{}
	s := &d.scan
	var dc, ac [maxComponents]uint8
	for i := range n {
		id, tables := body[1+2*i], body[2+2*i]
		c := d.frame.next(id, s.components)
		dc[i], ac[i] = tables>>4, tables&15
		if c == nil || dc[i] >= maxTables || ac[i] >= maxTables {
			return invalid
		}
		s.components = append(s.components, c)
	}
	if tail := body[1+2*n:]; d.frame.progressive {
		s.specStart, s.specEnd, s.high, s.low = int(tail[0]), int(tail[1]), uint(tail[2]>>4), uint(tail[2]&15)
		if s.specEnd >= blockLen || s.specStart > s.specEnd || s.low > 13 || s.high != 0 && s.high != s.low+1 ||
			s.specStart == 0 && s.specEnd != 0 || s.specStart > 0 && n != 1 {
			return invalid
		}
	} else {
		s.specEnd = blockLen - 1
	}
	return d.tables(dc, ac)
}

// next is the first component of that identifier which is not among those that the scan has already: some encoders give all
// of them the same. It is nil if there is none.
func (f *frame) next(id uint8, scanned []*component) *component {
	for i := range f.components {
		if c := &f.components[i]; c.id == id && !slices.Contains(scanned, c) {
			return c
		}
	}
	return nil
}

// tables gives the scan the tables that its header names, as they are defined now.
func (d *decoder) tables(dc, ac [maxComponents]uint8) error {
	d.standardTables()
	s := &d.scan
	for i, c := range s.components {
		s.dc[i], s.ac[i] = &d.dc[dc[i]], &d.ac[ac[i]]
		needsDC := s.specStart == 0 && s.high == 0
		if needsDC && !s.dc[i].defined || s.specEnd > 0 && !s.ac[i].defined {
			return fmt.Errorf("%w: a scan without its Huffman table", raster.ErrCorrupt)
		}
		if c.scanned {
			continue
		}
		if !d.hasQuant[c.quantTable] {
			return fmt.Errorf("%w: no quantization table %d", raster.ErrCorrupt, c.quantTable)
		}
		for k, q := range d.quant[c.quantTable] {
			c.quant[k] = int32(q)
		}
		c.scanned = true
	}
	return nil
}

// startData begins a scan's entropy-coded data.
func (d *decoder) startData() {
	d.bits = bitReader{data: d.data, pos: d.pos}
	d.scan.untilRestart = d.restartInterval
	d.scan.nextRestart = markerRST0
}

// beforeMCU passes a restart marker where one is due, and refuses to go on where the data has ended.
func (d *decoder) beforeMCU() error {
	s := &d.scan
	if d.restartInterval > 0 {
		if s.untilRestart == 0 {
			if err := d.restart(); err != nil {
				return err
			}
		}
		s.untilRestart--
	}
	if d.bits.overrun() {
		return fmt.Errorf("%w: the coded data ends before the picture does", raster.ErrTruncated)
	}
	return nil
}

// restart passes the restart marker that is due. What lies before it is left out, as libjpeg does.
func (d *decoder) restart() error {
	s := &d.scan
	d.pos = d.bits.markerPos()
	marker, err := d.nextMarker()
	if err != nil {
		return err
	}
	if marker != s.nextRestart {
		return fmt.Errorf("%w: marker ff%02x where restart marker ff%02x is due", raster.ErrCorrupt, marker, s.nextRestart)
	}
	d.bits = bitReader{data: d.data, pos: d.pos}
	s.previousDC = [maxComponents]int32{}
	s.endOfBand = 0
	s.untilRestart = d.restartInterval
	s.nextRestart = markerRST0 + (s.nextRestart-markerRST0+1)&7
	return nil
}

// markerPos is where the first marker can be that was not passed: bytes that were read ahead don't hold one.
func (b *bitReader) markerPos() int { return b.pos }

// endData leaves a scan's data for the marker behind it.
func (d *decoder) endData() {
	d.pos = d.bits.markerPos()
}

// decodeBuffered decodes all scans into the components' coefficients, up to the end of the picture.
func (d *decoder) decodeBuffered(ctx context.Context) error {
	for i := range d.frame.components {
		c := &d.frame.components[i]
		for k := range c.missing {
			c.missing[k] = allMissing
		}
		c.coefficients = make([]int16, blockLen*c.mcuBlocksX*c.mcuBlocksY)
	}
	for scans := 1; ; scans++ {
		if scans > maxScans {
			return fmt.Errorf("%w: JPEG with more than %d scans: save it as a baseline JPEG", raster.ErrUnsupported, maxScans)
		}
		if err := d.decodeScan(ctx); err != nil {
			return err
		}
		more, err := d.nextScan()
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return d.frame.checkComplete()
}

// checkComplete refuses a picture of which scans are missing: libjpeg makes up for those that the eye sees most by smoothing,
// and a decoder that does not shows blocks.
func (f *frame) checkComplete() error {
	const seenMost = 10
	for i, c := range f.components {
		for k, bits := range c.missing {
			if bits > 0 && k < seenMost {
				return fmt.Errorf("%w: channel %d is not complete, scans are missing", raster.ErrTruncated, i+1)
			}
		}
	}
	return nil
}

// nextScan reads segments up to the next scan, or to the end of the picture.
func (d *decoder) nextScan() (bool, error) {
	for {
		marker, err := d.nextMarker()
		if err != nil {
			return false, err
		}
		if marker == markerEOI {
			return false, nil
		}
		if err := d.segment(marker); err != nil {
			return false, err
		}
		if marker == markerSOS {
			return true, nil
		}
	}
}

// decodeScan decodes one scan into the coefficients. A scan of one component holds the blocks that cover its samples;
// one of several holds whole MCUs (T.81, A.2).
func (d *decoder) decodeScan(ctx context.Context) error {
	d.startData()
	defer d.endData()
	s := &d.scan
	for _, c := range s.components {
		for k := s.specStart; k <= s.specEnd; k++ {
			c.missing[k] = uint8(s.low)
		}
	}
	if len(s.components) == 1 {
		c := s.components[0]
		for y := range c.blocksY {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			for x := range c.blocksX {
				if err := d.beforeMCU(); err != nil {
					return err
				}
				if err := d.block(0, c.block(x, y)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for my := range d.frame.mcusY {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for mx := range d.frame.mcusX {
			if err := d.beforeMCU(); err != nil {
				return err
			}
			for i, c := range s.components {
				for v := range c.v {
					for h := range c.h {
						if err := d.block(i, c.block(mx*c.h+h, my*c.v+v)); err != nil {
							return err
						}
					}
				}
			}
		}
	}
	return nil
}

// block is the coefficients of the block at x, y.
func (c *component) block(x, y int) *[blockLen]int16 {
	return (*[blockLen]int16)(c.coefficients[blockLen*(y*c.mcuBlocksX+x):])
}

// block decodes what the scan has of one block of its component i.
func (d *decoder) block(i int, block *[blockLen]int16) error {
	switch s := &d.scan; {
	case !d.frame.progressive:
		_, err := d.sequential(i, block)
		return err
	case s.specStart == 0 && s.high == 0:
		return d.firstDC(i, block)
	case s.specStart == 0:
		d.bits.refill()
		block[0] |= int16(d.bits.take(1) << s.low)
		return nil
	case s.high == 0:
		return d.firstAC(block)
	default:
		return d.refineAC(block)
	}
}
