// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package generate

// head draws an animal's head. In its coordinates the skull has a radius of
// about 1 around the origin.
func (c *canvas) head(t affine, a traits) {
	if a.ears != earsFloppy {
		c.ears(t, a)
	}
	c.skull(t, a)
	if a.ears == earsFloppy {
		c.ears(t, a)
	}
	// Features move across the skull as it turns, the snout furthest.
	face := t.of(affine{1 - 0.1*abs(a.yaw), 0, 0.18 * a.yaw, 0, 1, 0})
	snout := t.of(affine{1 - 0.15*abs(a.yaw), 0, 0.3 * a.yaw, 0, 1, 0})
	c.eyes(face, a)
	if a.muzzle > 0.3 {
		c.snout(snout, a)
	} else {
		c.pads(snout, a)
	}
	c.whiskers(snout, a)
}

func (c *canvas) skull(t affine, a traits) {
	w, h := a.headWidth, a.headHeight
	outline := smooth(
		point{0, -h}, point{0.58 * w, -0.86 * h}, point{0.95 * w, -0.3 * h}, point{w * (0.6 + 0.4*a.jaw), 0.3 * h},
		point{0.62 * w * a.jaw, 0.85 * h}, point{0, 1.02 * h},
		point{-0.62 * w * a.jaw, 0.85 * h}, point{-w * (0.6 + 0.4*a.jaw), 0.3 * h}, point{-0.95 * w, -0.3 * h}, point{-0.58 * w, -0.86 * h},
	)
	c.fill(t, outline, 1, a.coat.paint(0))
}

// ears draws the right ear as seen and its reflection. The one that is turned
// away appears narrower.
func (c *canvas) ears(t affine, a traits) {
	for _, side := range []float64{1, -1} {
		turn := t.of(affine{side * (1 - 0.25*max(side*a.yaw, 0)), 0, -0.06 * a.yaw, 0, 1, 0})
		switch a.ears {
		case earsPointed:
			c.pointedEar(turn, a)
		case earsTipped:
			c.tippedEar(turn, a)
		case earsFloppy:
			c.floppyEar(turn, a)
		}
	}
}

func (a traits) earPaint() paint {
	if a.coat.darkEars {
		return a.coat.plain(a.coat.second.times(0.6))
	}
	return a.coat.paint(0)
}

func (c *canvas) pointedEar(t affine, a traits) {
	w, h := a.headWidth, a.headHeight
	outer, inner := point{0.93 * w, -0.35 * h}, point{(a.earSpread - 0.45) * w, -0.85 * h}
	tip := point{(a.earSpread + 0.1 + a.earTilt) * w, -0.75*h - a.earSize}
	ear := []point{
		outer, outer.lerp(tip, 0.35).add(point{0.07, -0.02}), outer.lerp(tip, 0.75).add(point{0.04, 0}), tip,
		inner.lerp(tip, 0.7).add(point{-0.04, 0}), inner.lerp(tip, 0.3).add(point{-0.05, 0}), inner,
	}
	c.fill(t, ear, 1, a.earPaint())
	root := outer.lerp(inner, 0.5)
	hollow := make([]point, len(ear))
	for i, p := range ear {
		hollow[i] = root.lerp(p, 0.68).add(point{0.02, -0.06})
	}
	c.fill(t, hollow, 0.9, a.coat.plain(a.earInner))
}

func (c *canvas) tippedEar(t affine, a traits) {
	w, h := a.headWidth, a.headHeight
	outer, inner := point{0.9 * w, -0.45 * h}, point{(a.earSpread - 0.3) * w, -0.85 * h}
	bend := -0.75*h - 0.55*a.earSize
	high := point{(a.earSpread + 0.12) * w, bend}
	c.fill(t, []point{outer, outer.lerp(high, 0.6).add(point{0.06, 0}), high.add(point{0.16, 0}), high.add(point{-0.16, 0}), inner}, 1, a.earPaint())
	fold := []point{high.add(point{-0.22, 0.02}), high.add(point{0, -0.07}), high.add(point{0.22, 0.02}), high.add(point{0.3, 0.55 * a.earSize}), high.add(point{0.1, 0.3 * a.earSize})}
	c.fill(t, fold, 1, a.coat.plain(a.coat.base.mix(a.coat.second, 0.3).times(0.72)))
}

func (c *canvas) floppyEar(t affine, a traits) {
	w, h, s := a.headWidth, a.headHeight, a.earSize
	ear := smooth(
		point{0.45 * w, -0.88 * h}, point{0.9 * w, -0.78 * h}, point{1.22 * w, -0.3*h + 0.1*s},
		point{1.3 * w, -0.4*h + 0.8*s}, point{1.08 * w, -0.45*h + 1.15*s}, point{0.85 * w, -0.5*h + 0.8*s}, point{0.8 * w, -0.45 * h},
	)
	// A shadow sets the ear off from the cheek.
	c.fill(t.of(affine{1, 0, -0.05, 0, 1, 0.05}), ear, 0.35, solid(gray(0.05)))
	fur := a.coat.base.mix(a.coat.second, 0.5).times(0.78)
	if a.coat.darkEars {
		fur = a.coat.second.times(0.6)
	}
	c.fill(t, ear, 1, a.coat.plain(fur))
}

func (c *canvas) eyes(t affine, a traits) {
	for _, side := range []float64{1, -1} {
		eye := t.of(place(point{side * a.eyeSpacing, -0.1 * a.headHeight}, side*a.eyeSize, a.eyeSize, -side*0.2))
		switch {
		case a.asleep:
			c.fill(eye, stroke(0.3, 0.2, point{-1, -0.1}, point{0, 0.45}, point{1, -0.1}), 0.9, solid(gray(0.08)))
			continue
		case a.almondEyes:
			c.almondEye(eye, a)
		default:
			c.roundEye(eye, a)
		}
		c.fill(eye, ellipse(point{-0.3 * side, -0.35}, 0.22, 0.22), 0.95, solid(gray(1)))
	}
}

func (c *canvas) almondEye(t affine, a traits) {
	rim := smooth(point{-1.15, 0.2}, point{-0.4, -0.75}, point{0.5, -0.85}, point{1.25, -0.3}, point{0.7, 0.65}, point{-0.4, 0.75})
	c.fill(t.of(affine{1.16, 0, 0, 0, 1.2, 0}), rim, 0.9, solid(gray(0.08)))
	iris := a.iris
	c.fill(t, rim, 1, func(p point) color { return iris.times(1.1 - 0.35*p.norm2()*0.6 - 0.15*p.y) })
	c.fill(t, ellipse(point{0, -0.05}, 0.8*a.pupil, 0.75), 1, solid(gray(0.04)))
}

func (c *canvas) roundEye(t affine, a traits) {
	c.fill(t, ellipse(point{}, 1.25, 1.15), 0.85, solid(gray(0.08)))
	c.fill(t, ellipse(point{}, 1.05, 0.9), 1, solid(gray(0.85)))
	c.fill(t, ellipse(point{}, 0.92, 0.92), 1, solid(a.iris))
	c.fill(t, ellipse(point{}, a.pupil, a.pupil), 1, solid(gray(0.03)))
}

// muzzleFur is the color around the mouth.
func (a traits) muzzleFur() color {
	if a.coat.whiteMuzzle {
		return a.coat.belly
	}
	return a.coat.base.mix(a.coat.belly, 0.25)
}

// pads draws a short muzzle: two pads, a chin, a small nose.
func (c *canvas) pads(t affine, a traits) {
	fur := a.coat.plain(a.muzzleFur())
	m, y := a.muzzle, 0.42*a.headHeight
	c.fill(t, ellipse(point{0, y + 0.25}, 0.8*m, 0.62*m), 1, a.coat.plain(a.muzzleFur().times(0.92)))
	for _, side := range []float64{1, -1} {
		c.fill(t, ellipse(point{side * 0.85 * m, y}, 1.05*m, 0.82*m), 1, fur)
	}
	line := solid(gray(0.12))
	n := a.noseSize
	bottom := point{0, y + 0.06}
	for _, side := range []float64{1, -1} {
		c.fill(t, stroke(0.045, 0.03, bottom, point{side * 0.1, y + 0.17}, point{side * 0.27, y + 0.16}), 0.8, line)
	}
	c.fill(t, stroke(0.04, 0.04, point{0, y - 0.1}, bottom), 0.8, line)
	c.fill(t, smooth(point{-1.2 * n, y - 0.2}, point{0, y - 0.22}, point{1.2 * n, y - 0.2}, point{0.45 * n, y - 0.08}, point{0, y - 0.03}, point{-0.45 * n, y - 0.08}), 1, solid(a.nose))
}

// snout draws a long muzzle with a large nose.
func (c *canvas) snout(t affine, a traits) {
	m, n := a.muzzle, a.noseSize
	y := 0.42 * a.headHeight
	if a.tongue {
		c.fill(t, smooth(point{-0.16, y + 0.3}, point{0.16, y + 0.3}, point{0.2, y + 0.6}, point{0.04, y + 0.85}, point{-0.14, y + 0.62}), 1, func(p point) color {
			return color{0.88, 0.42, 0.46}.times(1 - 0.35*step(0.02, 0.05, 0.04-abs(p.x-0.02)))
		})
	}
	shadow := smooth(point{0, y - 0.62*m}, point{0.8 * m, y - 0.3*m}, point{1.05 * m, y + 0.4*m}, point{0, y + 0.95*m}, point{-1.05 * m, y + 0.4*m}, point{-0.8 * m, y - 0.3*m})
	c.fill(t.of(affine{1.06, 0, 0, 0, 1.06, 0.02}), shadow, 0.3, solid(gray(0.05)))
	c.fill(t, shadow, 1, a.coat.plain(a.muzzleFur()))
	line := solid(gray(0.1))
	corner := y + 0.45*m
	for _, side := range []float64{1, -1} {
		c.fill(t, stroke(0.06, 0.04, point{0, corner}, point{side * 0.45 * m, corner + 0.12*m}, point{side * 0.85 * m, corner - 0.1*m}), 0.85, line)
	}
	c.fill(t, stroke(0.05, 0.05, point{0, y}, point{0, corner}), 0.8, line)
	noseY := y - 0.2*m
	nose := a.nose.mix(gray(0.08), 0.8)
	c.fill(t, smooth(point{-n, noseY - 0.35*n}, point{0, noseY - 0.75*n}, point{n, noseY - 0.35*n}, point{0.6 * n, noseY + 0.5*n}, point{0, noseY + 0.75*n}, point{-0.6 * n, noseY + 0.5*n}), 1, solid(nose))
	c.fill(t, ellipse(point{-0.25 * n, noseY - 0.35*n}, 0.3*n, 0.16*n), 0.55, solid(gray(0.9)))
}

func (c *canvas) whiskers(t affine, a traits) {
	if a.whiskers == 0 {
		return
	}
	y := 0.42 * a.headHeight
	for _, side := range []float64{1, -1} {
		for i := range 3 {
			slope := 0.22 * float64(i-1)
			from := point{side * 0.28, y + 0.05*float64(i-1)}
			to := point{side * (0.3 + a.whiskers), y + slope*(0.6+a.whiskers) - 0.05}
			middle := from.lerp(to, 0.5).add(point{0, -0.06})
			c.fill(t, stroke(0.035, 0.015, from, middle, to), 0.8, solid(a.whiskerColor))
		}
	}
}

func abs(v float64) float64 { return max(v, -v) }
