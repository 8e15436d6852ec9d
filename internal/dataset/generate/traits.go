// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package generate

// earKind is the shape of an animal's ears.
type earKind int

const (
	earsPointed earKind = iota
	earsFloppy
	earsTipped // upright, with the tip folded over
)

// traits are what tells one animal from another. Lengths are in units of the
// head's radius.
type traits struct {
	coat coat

	ears               earKind
	earSize, earSpread float64
	earTilt            float64 // outward lean of a pointed ear's tip
	earInner           color

	headWidth, headHeight float64
	jaw                   float64 // width of the lower face, as a share of the head's

	eyeSize, eyeSpacing float64
	almondEyes          bool
	asleep              bool
	iris                color
	pupil               float64 // width of the pupil, as a share of the eye's

	muzzle              float64 // size of the snout; up to 0.3 it is two pads
	noseSize            float64
	nose                color
	tongue              bool
	whiskers            float64 // length; 0 for none to be seen
	whiskerColor        color
	tailLength, tailFat float64
	legWidth            float64

	collar      bool
	collarColor color
	yaw         float64 // -1 to 1: turn of the head to the side
}

// commonTraits are drawn alike for both kinds.
func commonTraits(r random) traits {
	return traits{
		coat:         randomCoat(r),
		earInner:     color{0.9, 0.62, 0.6}.mix(gray(0.35), r.between(0, 0.4)),
		collar:       r.chance(0.3),
		collarColor:  color{r.Float64(), r.Float64(), r.Float64()},
		yaw:          r.between(-0.7, 0.7),
		whiskerColor: pick(r, gray(0.95), gray(0.95), gray(0.15)),
		nose:         pick(r, color{0.1, 0.08, 0.08}, color{0.3, 0.17, 0.14}, color{0.8, 0.5, 0.48}),
	}
}

func catTraits(r random) traits {
	t := commonTraits(r)
	t.ears = earsPointed
	t.earSize = r.between(0.65, 0.95)
	t.earSpread = r.between(0.58, 0.75)
	t.earTilt = r.between(0, 0.3)
	if r.chance(0.06) {
		t.ears, t.earSize = earsTipped, 0.5 // a Scottish Fold
	}
	t.headWidth, t.headHeight = r.between(0.98, 1.12), r.between(0.82, 0.92)
	t.jaw = r.between(0.75, 0.9)
	t.eyeSize, t.eyeSpacing = r.between(0.24, 0.3), r.between(0.43, 0.5)
	t.almondEyes = true
	t.iris = pick(r, color{0.55, 0.8, 0.25}, color{0.95, 0.82, 0.2}, color{0.95, 0.62, 0.15}, color{0.4, 0.7, 0.95}, color{0.3, 0.75, 0.45})
	t.pupil = r.between(0.2, 0.75)
	t.muzzle = r.between(0.22, 0.28)
	t.noseSize = r.between(0.09, 0.13)
	if r.chance(0.9) {
		t.whiskers = r.between(0.7, 1.2)
	}
	t.tailLength, t.tailFat = r.between(0.8, 1.2), r.between(0.22, 0.36)
	t.legWidth = r.between(0.36, 0.46)
	return t
}

func dogTraits(r random) traits {
	t := commonTraits(r)
	switch {
	case r.chance(0.7):
		t.ears = earsFloppy
		t.earSize = r.between(0.7, 1.25)
	case r.chance(0.6):
		t.ears = earsTipped
		t.earSize = r.between(0.7, 0.95)
	default:
		t.ears = earsPointed
		t.earSize = r.between(0.8, 1.1)
	}
	t.earSpread = r.between(0.45, 0.65)
	t.earTilt = r.between(-0.05, 0.15)
	t.headWidth, t.headHeight = r.between(0.78, 0.95), r.between(0.9, 1.02)
	t.jaw = r.between(0.6, 0.8)
	t.eyeSize, t.eyeSpacing = r.between(0.13, 0.19), r.between(0.36, 0.44)
	t.iris = pick(r, color{0.3, 0.18, 0.1}, color{0.2, 0.12, 0.08}, color{0.45, 0.28, 0.12})
	if r.chance(0.05) {
		t.iris = color{0.5, 0.68, 0.85} // a Husky
	}
	t.pupil = r.between(0.5, 0.7)
	t.muzzle = r.between(0.42, 0.58)
	t.noseSize = r.between(0.19, 0.27)
	t.tongue = r.chance(0.65)
	t.tailLength, t.tailFat = r.between(0.35, 0.9), r.between(0.24, 0.5)
	t.legWidth = r.between(0.42, 0.6)
	return t
}
