// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import "math"

// furColors are those of cats and dogs alike: color must not tell the class.
var furColors = []color{
	{0.13, 0.12, 0.12}, // black
	{0.36, 0.36, 0.38}, // gray
	{0.62, 0.62, 0.63}, // silver
	{0.93, 0.91, 0.88}, // white
	{0.90, 0.80, 0.63}, // cream
	{0.85, 0.55, 0.25}, // ginger
	{0.70, 0.48, 0.28}, // tan
	{0.45, 0.29, 0.18}, // brown
	{0.29, 0.18, 0.13}, // chocolate
}

// coat is an animal's fur: two colors and how they share the body.
type coat struct {
	base, second, belly color
	pattern             func(p point) float64 // share of second, 0 to 1
	fur                 texture
	whiteMuzzle         bool
	darkEars            bool
	light               point // where the light comes from, in the shape's units
}

func randomCoat(r random) coat {
	c := coat{
		base:        r.shade(pick(r, furColors...), 0.15),
		second:      r.shade(pick(r, furColors...), 0.15),
		fur:         r.texture(),
		whiteMuzzle: r.chance(0.5),
		darkEars:    r.chance(0.3),
		light:       point{r.between(-0.5, 0.5), r.between(-0.7, 0)},
	}
	c.belly = c.base.mix(color{0.95, 0.93, 0.9}, r.between(0.1, 0.9))
	c.pattern = randomPattern(r)
	return c
}

func randomPattern(r random) func(point) float64 {
	noise := r.texture()
	switch r.IntN(6) {
	case 0, 1: // one color
		return func(point) float64 { return 0 }
	case 2: // stripes
		frequency, warp, depth := r.between(5, 9), r.between(0.5, 1.5), r.between(0.4, 0.9)
		turn := r.between(-0.5, 0.5)
		return func(p point) float64 {
			bend := warp * noise.at(2*p.x+9, 2*p.y)
			return depth * step(0.2, 0.7, math.Sin(frequency*(p.x+turn*p.y)+bend*2.5))
		}
	case 3: // large patches
		frequency, edge := r.between(0.9, 1.8), r.between(0.4, 0.65)
		return func(p point) float64 { return step(edge, 0.12, noise.at(frequency*p.x+7, frequency*p.y+3)) }
	case 4: // spots
		frequency, edge := r.between(3, 5), r.between(0.6, 0.75)
		return func(p point) float64 { return 0.9 * step(edge, 0.15, noise.at(frequency*p.x, frequency*p.y)) }
	default: // a saddle: darker towards the top
		edge := r.between(-0.6, 0.2)
		return func(p point) float64 { return 1 - step(edge, 0.5, p.y+0.4*noise.at(2*p.x, 2*p.y)) }
	}
}

// paint covers a part of the body that reaches about one unit from its origin.
// Parts of one animal differ in where the pattern lies.
func (c coat) paint(part float64) paint {
	return func(p point) color {
		fur := c.base.mix(c.second, c.pattern(point{p.x + 3*part, p.y}))
		return c.lit(fur, p)
	}
}

// plain covers a part in one color, with the coat's light and fur.
func (c coat) plain(fur color) paint {
	return func(p point) color { return c.lit(fur, p) }
}

func (c coat) lit(fur color, p point) color {
	shade := 1.08 - 0.25*p.sub(c.light).norm2()
	grain := 0.12 * (c.fur.at(11*p.x, 6*p.y) - 0.5)
	return fur.times(max(shade, 0.6) + grain)
}
