// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAlone(t *testing.T) {
	got := Augmentation{RotationDegrees: 5, HorizontalFlip: true, Saturation: 0.3}.Alone()
	want := []NamedAugmentation{
		{"rotationDegrees", Augmentation{RotationDegrees: 5}}, {"horizontalFlip", Augmentation{HorizontalFlip: true}}, {"saturation", Augmentation{Saturation: 0.3}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alone (-want +got):\n%s", diff)
	}
	patch := Patch{Scale: Range{0.1, 0.3}, Ratio: Range{0.5, 2}}
	all := Augmentation{RotationDegrees: 1, HorizontalFlip: true, Brightness: 1, Contrast: 1, Saturation: 1, Crop: Crop{patch}, Erasing: Erasing{Probability: 1, Patch: patch}}
	fields := reflect.TypeFor[Augmentation]().NumField()
	if n := len(all.Alone()); n != fields || len((Augmentation{}).Alone()) != 0 {
		t.Errorf("%d of all changes, and %d of none", n, len((Augmentation{}).Alone()))
	}
}

// What is shown of the augmentation is what the loader makes of the image.
func TestAugmentedIsWhatTrainingSees(t *testing.T) {
	d := open(t, classTree(t, 5, "a", "b"), testOptions())
	a := Augmentation{RotationDegrees: 30, HorizontalFlip: true, Brightness: 0.5, Erasing: Erasing{Probability: 1, Patch: Patch{Scale: Range{0.1, 0.3}, Ratio: Range{0.5, 2}}}}
	want := batches(t, d.All(), LoaderConfig{BatchSize: 10, Augmentation: a, Seed: 3}, 0, 0)[0].Images
	pixels, got := make([]uint8, d.preprocess.PixelLen()), make([]float32, 0, len(want))
	for i := range d.Samples {
		if err := d.Augmented(t.Context(), pixels, i, a, 3); err != nil {
			t.Fatal(err)
		}
		tensor := make([]float32, d.preprocess.TensorLen())
		d.preprocess.Normalize(tensor, pixels)
		got = append(got, tensor...)
	}
	for i := range want {
		if off := want[i] - got[i]; off > 0.02 || off < -0.02 { // an erased color is not a whole number of 8 bits
			t.Fatalf("value %d is %v, the loader's %v", i, got[i], want[i])
		}
	}
	if err := d.Augmented(t.Context(), pixels, 0, Augmentation{Brightness: 2}, 0); err == nil {
		t.Error("an augmentation out of range is applied")
	}
}
