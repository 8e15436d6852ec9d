// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package generate

// pose draws a whole animal, seen in one way. In its coordinates the head has a
// radius of about 1 and sits at the origin.
type pose struct {
	draw func(c *canvas, t affine, r random, a traits)
	// low and high bound the radius of the head, as a share of the image.
	low, high float64
	// center is what is put near the middle of the image.
	center point
	// turn bounds the rotation of the whole, in radians.
	turn float64
}

// poses are drawn from evenly, so portraits are listed twice.
var poses = []pose{
	{draw: drawPortrait, low: 0.28, high: 0.36, center: point{0, 0.15}, turn: 0.35},
	{draw: drawPortrait, low: 0.25, high: 0.32, center: point{0, 0.3}, turn: 0.35},
	{draw: drawSitting, low: 0.19, high: 0.24, center: point{0, 0.8}, turn: 0.2},
	{draw: drawStanding, low: 0.17, high: 0.21, center: point{-1.1, 0.8}, turn: 0.15},
	{draw: drawLying, low: 0.22, high: 0.28, center: point{0, 0.6}, turn: 0.2},
}

// drawPortrait shows head and shoulders.
func drawPortrait(c *canvas, t affine, _ random, a traits) {
	body := t.of(affine{1.6, 0, 0, 0, 1.6, 2})
	c.fill(body, smooth(point{0, -1}, point{0.55, -0.7}, point{1, 0}, point{1.05, 1.3}, point{-1.05, 1.3}, point{-1, 0}, point{-0.55, -0.7}), 1, a.coat.paint(1))
	c.fill(body, ellipse(point{0, 0.1}, 0.42, 0.7), 0.8, a.coat.plain(a.coat.belly))
	c.collar(t, a)
	c.head(t, a)
}

// drawSitting shows an animal that sits facing the viewer.
func drawSitting(c *canvas, t affine, r random, a traits) {
	side := r.sign()
	c.fill(t, a.tail(point{0.8 * side, 2.8}, point{(1 + 0.7*a.tailLength) * side, 2.5}, point{(1.1 + 0.8*a.tailLength) * side, 2.5 - 1.2*a.tailLength}), 1, a.coat.paint(2))
	body := t.of(affine{1, 0, 0, 0, 1, 1.9})
	c.fill(body, smooth(point{0, -1.4}, point{0.7, -0.9}, point{1.05, 0.4}, point{0.95, 1.1}, point{0, 1.2}, point{-0.95, 1.1}, point{-1.05, 0.4}, point{-0.7, -0.9}), 1, a.coat.paint(1))
	c.fill(body, ellipse(point{0, -0.3}, 0.42, 0.7), 0.8, a.coat.plain(a.coat.belly))
	for _, side := range []float64{1, -1} {
		c.fill(t, ellipse(point{0.85 * side, 2.6}, 0.42, 0.52), 1, a.coat.plain(a.coat.base.times(0.92)))
		c.leg(t, a, point{0.32 * side, 1.6}, point{0.4 * side, 2.95})
	}
	c.collar(t, a)
	c.head(t, a)
}

// drawStanding shows an animal from the side, its head turned to the viewer.
func drawStanding(c *canvas, t affine, r random, a traits) {
	c.fill(t, a.tail(point{-3, 1.1}, point{-3.4 - 0.2*a.tailLength, 0.9 - 0.5*a.tailLength}, point{-3.3 - 0.6*a.tailLength, 0.9 - 1.5*a.tailLength}), 1, a.coat.paint(2))
	far := a
	far.coat.base, far.coat.belly = a.coat.base.times(0.7), a.coat.belly.times(0.7)
	stride := r.between(-0.3, 0.3)
	c.leg(t, far, point{-0.5, 1.6}, point{-0.35 + stride, 3})
	c.leg(t, far, point{-2.7, 1.6}, point{-2.9 - stride, 3})
	body := t.of(affine{1.9, 0, -1.5, 0, 1, 1.3})
	c.fill(body, smooth(point{-0.85, -0.6}, point{0, -0.62}, point{0.85, -0.7}, point{1.02, 0}, point{0.75, 0.6}, point{0, 0.5}, point{-0.8, 0.55}, point{-1, -0.1}), 1, a.coat.paint(1))
	c.leg(t, a, point{-0.3, 1.5}, point{-0.2 - stride, 3})
	c.leg(t, a, point{-2.8, 1.4}, point{-2.7 + stride, 3})
	c.collar(t, a)
	c.head(t, a)
}

// drawLying shows an animal that lies facing the viewer, paws to the front.
func drawLying(c *canvas, t affine, r random, a traits) {
	side := r.sign()
	c.fill(t, a.tail(point{1.5 * side, 1.6}, point{(1.8 + 0.5*a.tailLength) * side, 1.9}, point{(1.2 + 0.6*a.tailLength) * side, 2.2}), 1, a.coat.paint(2))
	body := t.of(affine{1.7, 0, 0.3 * side, 0, 1, 1.1})
	c.fill(body, smooth(point{-0.9, -0.4}, point{0, -0.8}, point{0.9, -0.5}, point{1.05, 0.4}, point{0.8, 0.9}, point{-0.8, 0.9}, point{-1.05, 0.4}), 1, a.coat.paint(1))
	c.fill(t, ellipse(point{0, 1.1}, 0.5, 0.6), 0.8, a.coat.plain(a.coat.belly))
	for _, side := range []float64{1, -1} {
		c.leg(t, a, point{0.6 * side, 1.3}, point{0.65 * side, 2.05})
	}
	c.collar(t, a)
	c.head(t, a)
}

// leg draws a leg from hip to paw.
func (c *canvas) leg(t affine, a traits, hip, paw point) {
	t = t.of(affine{1, 0, hip.x, 0, 1, hip.y})
	paw = paw.sub(hip)
	c.fill(t, stroke(a.legWidth*1.25, a.legWidth, point{}, paw.scale(0.5), paw), 1, a.coat.plain(a.coat.base))
	c.fill(t, ellipse(paw.add(point{0, 0.02}), 0.68*a.legWidth, 0.4*a.legWidth), 1, a.coat.plain(a.coat.belly))
}

func (a traits) tail(through ...point) []point {
	return stroke(a.tailFat, a.tailFat*0.7, through...)
}

func (c *canvas) collar(t affine, a traits) {
	if !a.collar {
		return
	}
	c.fill(t, stroke(0.24, 0.24, point{-0.8, 0.75}, point{0, 1.1}, point{0.8, 0.75}), 1, solid(a.collarColor))
	c.fill(t, ellipse(point{0, 1.25}, 0.12, 0.12), 1, solid(color{0.85, 0.75, 0.35}))
}
