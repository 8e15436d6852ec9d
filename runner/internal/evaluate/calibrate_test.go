// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"math"
	"strings"
	"testing"
)

// scripted answers every image with the first class by the given logit, and with the second by the others' absence.
type scripted struct{ logit func(i int) float32 }

func (scripted) Classes() int { return 2 }

func (s scripted) Logits(_ []float32, n int) ([]float32, error) {
	logits := make([]float32, 0, 2*n)
	for i := range n {
		logits = append(logits, s.logit(i), 0)
	}
	return logits, nil
}

func TestCalibrate(t *testing.T) {
	all := images(t) // 9 cats, then 9 dogs
	// Two thirds of each class are answered right with the same confidence, so two thirds is what it should be: ln 2 apart.
	answers := scripted{func(i int) float32 {
		if (i < 9) == (i%3 != 0) {
			return 5
		}
		return -5
	}}
	c, err := Calibrate(t.Context(), answers, all, Batches{Size: all.Len(), Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := 5 / math.Ln2; math.Abs(c.Temperature-want) > 1e-9 || c.Warning != "" {
		t.Errorf("temperature %v (%q), want %v", c.Temperature, c.Warning, want)
	}
	if v := c.Validation; v.Images != 18 || v.CalibratedError > 1e-9 || v.CalibrationError < 0.3 || v.CalibratedLoss >= v.Loss {
		t.Errorf("on the validation split: %+v", v)
	}

	right := scripted{func(i int) float32 {
		if i < 9 {
			return 5
		}
		return -5
	}}
	c, err = Calibrate(t.Context(), right, all, Batches{Size: all.Len(), Workers: 1})
	if err != nil || c.Temperature != 1 || !strings.Contains(c.Warning, "of its 18 images") || math.Abs(c.Validation.Loss-c.Validation.CalibratedLoss) > 1e-12 {
		t.Errorf("without a mistake: %+v, %v", c, err)
	}
}

// A temperature is fitted to a share of each class where there are more images than can be kept.
func TestEvenly(t *testing.T) {
	all := images(t)
	picked := evenly(all, 6)
	if counts := picked.ClassCounts(); picked.Len() != 6 || counts[0] != 3 || counts[1] != 3 {
		t.Errorf("picked %v of %v", picked.Indices, all.Indices)
	}
	if picked := evenly(all, 100); picked.Len() != all.Len() {
		t.Errorf("picked %d of %d images", picked.Len(), all.Len())
	}
}
