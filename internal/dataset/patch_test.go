// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// recordedPart is a rectangle that torchvision drew, and the random numbers that it drew for it.
type recordedPart struct {
	Size         int
	Probability  float64
	Scale, Ratio [2]float64
	Drawn        []float64
	Part         []int // x, y, width, height; nil: none
}

func (r recordedPart) patch() Patch {
	return Patch{Scale: Range{r.Scale[0], r.Scale[1]}, Ratio: Range{r.Ratio[0], r.Ratio[1]}}
}

// numbers returns what was drawn, number by number, and how many are left.
func (r recordedPart) numbers() (next random, left func() int) {
	drawn := r.Drawn
	return func() float64 {
		if len(drawn) == 0 {
			return math.NaN() // one more than torchvision needed
		}
		first := drawn[0]
		drawn = drawn[1:]
		return first
	}, func() int { return len(drawn) }
}

// readAugmentation reads what test/peers/training/augment.py wrote.
func readAugmentation(t *testing.T) (recorded struct {
	Crops, Erasings []recordedPart
	Enlarged        []struct {
		Part     [4]int
		Image    []uint8
		Enlarged []float64
	}
	Mixed []struct {
		Share         float32
		Images, Mixed []float32
	}
}) {
	t.Helper()
	data, err := os.ReadFile("testdata/torchvision-augmentation.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	return recorded
}

func TestPartsAreTorchvisions(t *testing.T) {
	recorded := readAugmentation(t)
	check := func(what string, r recordedPart, got rectangle, ok bool, left int) {
		t.Helper()
		var part []int
		if ok {
			part = []int{got.x, got.y, got.width, got.height}
		}
		if !slices.Equal(part, r.Part) || left != 0 {
			t.Errorf("%s of %+v is %v, with %d numbers left", what, r, part, left)
		}
	}
	for _, r := range recorded.Crops {
		next, left := r.numbers()
		got := Crop{r.patch()}.draw(next, r.Size)
		check("crop", r, got, true, left())
	}
	erased := 0
	for _, r := range recorded.Erasings {
		next, left := r.numbers()
		got, ok := Erasing{r.Probability, r.patch()}.draw(next, r.Size)
		check("erasing", r, got, ok, left())
		if ok {
			erased++
		}
	}
	t.Logf("%d crops and %d erasings compared, of which %d erase", len(recorded.Crops), len(recorded.Erasings), erased)
	if len(recorded.Crops) < 90 || len(recorded.Erasings) < 90 || erased == len(recorded.Erasings) {
		t.Error("the recording is cut short")
	}
}

// What is scaled up is torchvision's before it rounds.
func TestEnlargedPartsAreTorchvisions(t *testing.T) {
	compared := 0
	for _, r := range readAugmentation(t).Enlarged {
		got := make([]uint8, len(r.Image))
		enlarge(got, r.Image, 9, rectangle{r.Part[0], r.Part[1], r.Part[2], r.Part[3]})
		for i, want := range r.Enlarged {
			if compared++; !(math.Abs(float64(got[i])-want) <= 0.5001) {
				t.Errorf("part %v: value %d is %d, want %v rounded", r.Part, i, got[i], want)
			}
		}
	}
	t.Logf("%d values compared", compared)
	if compared < 900 {
		t.Error("the recording is cut short")
	}
}
