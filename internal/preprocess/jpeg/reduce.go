// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

// Reduce makes Rows hand out the picture at 1/2, 1/4 or 1/8 of its size, with the sides rounded up, as libjpeg's scaled
// decoding does, and so Pillow's draft mode: each block makes fewer samples, which costs less.
func (p *Picture) Reduce(denominator int) {
	d := &p.decoder
	d.frame.reduce(blockSide / denominator)
	p.header = d.header()
}

// reduce lays the frame out for blocks that make side×side pixels. Of components that are sampled at less than the picture
// blocks make more, which saves as much of the upsampling.
func (f *frame) reduce(side int) {
	f.side = side
	for i := range f.components {
		c := &f.components[i]
		c.size = side
		for c.size < blockSide && f.maxH*side%(c.h*c.size*2) == 0 && f.maxV*side%(c.v*c.size*2) == 0 {
			c.size *= 2
		}
		c.width, c.height = ceilDiv(f.width*c.h*c.size, f.maxH*blockSide), ceilDiv(f.height*c.v*c.size, f.maxV*blockSide)
		c.upsample = f.upsamplerFor(c)
	}
}

// size is that of the picture that Rows hands out.
func (f *frame) size() (width, height int) {
	return ceilDiv(f.width*f.side, blockSide), ceilDiv(f.height*f.side, blockSide)
}
