// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

func TestPartOf(t *testing.T) {
	cases := map[dataset.Part][]string{
		dataset.PartTrain:      {"train", "Train", "TRAIN", "training", "Training Set", "training_set", "trainset", "train_data", "seg_train", "train2017", "train-images", "traindata", "trainval", "train_val", "train+val"},
		dataset.PartValidation: {"val", "valid", "Validation", "dev", "valset", "val_images", "validation-set", "eval"},
		dataset.PartTest:       {"test", "TEST", "testing", "test1", "test_set", "seg_test", "Test Images", "hold-out"},
		dataset.PartNone:       {"cat", "trains", "tester", "valley", "pretest", "images", "data", "", "1", "train_station", "test pilot", "contest", "latest", "devil"},
	}
	for want, names := range cases {
		for _, name := range names {
			if got := partOf(name); got != want {
				t.Errorf("partOf(%q) = %v, want %v", name, got, want)
			}
		}
	}
}
