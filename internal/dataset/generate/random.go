// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"math"
	"math/rand/v2"
)

// random adds the draws that pictures need to a generator.
type random struct{ *rand.Rand }

// between draws evenly from low to high.
func (r random) between(low, high float64) float64 { return low + (high-low)*r.Float64() }

// chance is true with the given probability.
func (r random) chance(p float64) bool { return r.Float64() < p }

// sign is -1 or 1.
func (r random) sign() float64 { return float64(2*r.IntN(2) - 1) }

// pick draws one of the options.
func pick[T any](r random, options ...T) T { return options[r.IntN(len(options))] }

// shade is c, lighter or darker and a little off in hue.
func (r random) shade(c color, spread float64) color {
	gain := r.between(1-spread, 1+spread)
	for i := range c {
		c[i] = min(max(c[i]*gain+r.between(-0.03, 0.03), 0), 1)
	}
	return c
}

// texture is a smooth random function of the plane, 0 to 1, with features about
// one unit wide (value noise).
type texture struct{ seed uint64 }

func (r random) texture() texture { return texture{r.Uint64()} }

func (t texture) at(x, y float64) float64 {
	x0, y0 := math.Floor(x), math.Floor(y)
	ix, iy := int64(x0), int64(y0)
	fx, fy := ease(x-x0), ease(y-y0)
	top := t.corner(ix, iy)*(1-fx) + t.corner(ix+1, iy)*fx
	bottom := t.corner(ix, iy+1)*(1-fx) + t.corner(ix+1, iy+1)*fx
	return top*(1-fy) + bottom*fy
}

func (t texture) corner(x, y int64) float64 {
	h := t.seed ^ uint64(x)*0x9e3779b97f4a7c15 ^ uint64(y)*0xc2b2ae3d27d4eb4f
	h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9
	h ^= h >> 32
	return float64(h&0xffff) / 0xffff
}

// ease bends 0 to 1 so that it starts and ends level.
func ease(t float64) float64 { return t * t * (3 - 2*t) }

// step goes from 0 to 1 around edge, over width.
func step(edge, width, v float64) float64 {
	return ease(min(max((v-edge)/width+0.5, 0), 1))
}
