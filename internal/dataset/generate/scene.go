// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"image"
	"math"
)

// drawScene draws one picture of an animal of the given kind.
func drawScene(c *canvas, r random, kind Class) {
	c.background(r)
	for range r.IntN(5) {
		c.thing(r, point{r.Float64(), r.Float64()}, r.between(0.05, 0.25))
	}
	head := c.animal(r, kind)
	if r.chance(0.25) {
		c.occlude(r, head)
	}
	c.illuminate(r)
	c.addNoise(r)
}

// background is a wall or a landscape: two colors that run into each other,
// perhaps with a floor and a pattern.
func (c *canvas) background(r random) {
	top, bottom := randomColor(r), randomColor(r)
	turn := r.between(0, 2*math.Pi)
	sin, cos := math.Sincos(turn)
	noise, rough := r.texture(), r.between(0, 0.6)
	frequency := r.between(2, 7)
	paper := func(p point) color {
		blend := 0.5 + (p.x-0.5)*cos + (p.y-0.5)*sin + rough*(noise.at(frequency*p.x, frequency*p.y)-0.5)
		return top.mix(bottom, min(max(blend, 0), 1))
	}
	frame := []point{{0, 0}, {1, 0}, {1, 1}, {0, 1}}
	c.fill(identity, frame, 1, paper)
	if r.chance(0.5) { // floor
		y := r.between(0.5, 0.9)
		tilt := r.between(-0.1, 0.1)
		floor, grain := randomColor(r), r.texture()
		c.fill(identity, []point{{0, y + tilt}, {1, y - tilt}, {1, 1}, {0, 1}}, 1, func(p point) color {
			return floor.times(0.85 + 0.3*grain.at(5*p.x, 30*p.y))
		})
	}
	if r.chance(0.3) { // stripes of a curtain, a fence or boards
		stripe := randomColor(r)
		frequency, opacity := r.between(8, 40), r.between(0.15, 0.6)
		c.fill(identity, frame, opacity, func(p point) color {
			return paper(p).mix(stripe, step(0, 0.5, math.Sin(frequency*(p.x*cos+p.y*sin))))
		})
	}
}

var identity = affine{a: 1, e: 1}

func randomColor(r random) color {
	if r.chance(0.4) { // a fur's color, so that no color stands for "animal"
		return r.shade(pick(r, furColors...), 0.3)
	}
	vivid := color{r.Float64(), r.Float64(), r.Float64()}
	return vivid.mix(gray(r.Float64()), r.between(0.4, 0.9))
}

// thing draws one of the things that lie about: blobs, blocks and lines, among
// them shapes that resemble parts of an animal.
func (c *canvas) thing(r random, at point, size float64) {
	t := place(at, size, size, r.between(0, 2*math.Pi))
	first, second, noise := randomColor(r), randomColor(r), r.texture()
	dapple := r.between(0, 1)
	fill := func(p point) color { return first.mix(second, dapple*noise.at(3*p.x, 3*p.y)) }
	switch r.IntN(6) {
	case 0: // ball
		c.fill(t, ellipse(point{}, 1, r.between(0.5, 1)), 1, func(p point) color { return fill(p).times(1.1 - 0.4*p.sub(point{-0.4, -0.4}).norm2()*0.5) })
	case 1: // box
		h := r.between(0.2, 1.2)
		c.fill(t, []point{{-1, -h}, {1, -h}, {1, h}, {-1, h}}, 1, fill)
	case 2: // triangle, like an ear
		c.fill(t, []point{{-0.7, 0.6}, {0.7, 0.6}, {r.between(-0.5, 0.5), -1}}, 1, fill)
	case 3: // branch or cable
		w := r.between(0.1, 0.5)
		c.fill(t, stroke(w, w*r.between(0.3, 1), point{-1.5, 0}, point{-0.5, r.between(-0.8, 0.8)}, point{0.5, r.between(-0.8, 0.8)}, point{1.5, 0}), 1, fill)
	case 4: // bush, cushion
		knots := make([]point, 7)
		for i := range knots {
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(len(knots)))
			knots[i] = point{cos, sin}.scale(r.between(0.6, 1.2))
		}
		c.fill(t, smooth(knots...), 1, fill)
	default: // ring: cup, toy
		c.fill(t, ellipse(point{}, 0.8, 0.8), 1, fill)
		c.fill(t, ellipse(point{}, r.between(0.3, 0.6), r.between(0.3, 0.6)), 1, solid(second.times(0.4)))
	}
}

// animal draws the animal and returns where its head is.
func (c *canvas) animal(r random, kind Class) point {
	traits := kind.traits(r)
	pose := pick(r, poses...)
	scale := r.between(pose.low, pose.high)
	stretch := r.between(0.9, 1.1)
	t := place(point{}, r.sign()*scale*stretch, scale/stretch, r.between(-pose.turn, pose.turn))
	// The middle of the animal comes to lie near the middle of the picture, but
	// not so that the head is cut off.
	middle := t.apply(pose.center)
	head := point{0.5 + r.between(-0.14, 0.14), 0.5 + r.between(-0.14, 0.14)}.sub(middle)
	margin := 0.9 * scale
	t.c, t.f = min(max(head.x, margin), 1-margin), min(max(head.y, margin), 1-margin)
	c.backdropShadow(t.of(place(pose.center.add(point{0.15, 0.5}), 2.2, 2.4, 0)), r.between(0, 0.3))
	pose.draw(c, t, r, traits)
	return point{t.c, t.f}
}

// backdropShadow darkens what is behind the animal, most in the middle.
func (c *canvas) backdropShadow(t affine, depth float64) {
	const layers = 3
	for i := range layers {
		radius := 1 - 0.7*float64(i)/layers
		c.fill(t, ellipse(point{}, radius, radius), depth/layers, solid(gray(0.05)))
	}
}

// occlude puts something in front of the picture, often of a part of the face.
func (c *canvas) occlude(r random, head point) {
	for range 1 + r.IntN(2) {
		at := point{r.Float64(), r.Float64()}
		if r.chance(0.3) {
			at = head.add(point{r.between(-0.2, 0.2), r.between(-0.2, 0.2)})
		}
		c.thing(r, at, r.between(0.05, 0.14))
	}
}

// illuminate gives the picture its light: exposure, a tint, a gradient, contrast.
func (c *canvas) illuminate(r random) {
	var (
		exposure = r.between(0.75, 1.2)
		tint     = color{r.between(0.88, 1.12), r.between(0.94, 1.06), r.between(0.88, 1.12)}
		slope    = point{r.between(-0.4, 0.4), r.between(-0.4, 0.4)}
		contrast = r.between(0.8, 1.15)
	)
	if r.chance(0.06) { // dusk
		exposure, contrast = r.between(0.5, 0.75), r.between(0.7, 0.95)
	}
	for i := range c.pixels {
		x, y := float64(i%c.size)/float64(c.size)-0.5, float64(i/c.size)/float64(c.size)-0.5
		gain := exposure * (1 + slope.x*x + slope.y*y)
		for k := range c.pixels[i] {
			c.pixels[i][k] = 0.5 + (c.pixels[i][k]*gain*tint[k]-0.5)*contrast
		}
	}
}

// addNoise adds a sensor's noise, as much of it in small pictures as in large:
// mostly a little, now and then a lot.
func (c *canvas) addNoise(r random) {
	sigma := 0.005 + 0.045*math.Pow(r.Float64(), 3)
	for i := range c.pixels {
		for k := range c.pixels[i] {
			// Two even draws make a triangular one: near enough, and quick.
			c.pixels[i][k] += sigma * 2.45 * (r.Float64() + r.Float64() - 1)
		}
	}
}

// image converts the canvas to 8 bits.
func (c *canvas) image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, c.size, c.size))
	for i, pixel := range c.pixels {
		out := img.Pix[4*i : 4*i+4]
		for k, v := range pixel {
			out[k] = uint8(min(max(v*255+0.5, 0), 255))
		}
		out[3] = 255
	}
	return img
}
