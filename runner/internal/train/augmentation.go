// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// augmentationOf is the configured augmentation, with the defaults of what is left out.
func augmentationOf(cfg contract.Augmentation) dataset.Augmentation {
	return dataset.Augmentation{
		RotationDegrees: float64(cfg.RotationDegrees),
		HorizontalFlip:  cfg.HorizontalFlip,
		Brightness:      cfg.Brightness,
		Contrast:        cfg.Contrast,
		Saturation:      cfg.Saturation,
		Crop:            cropOf(cfg.RandomResizedCrop),
		Erasing:         erasingOf(cfg.RandomErasing),
	}
}

func cropOf(cfg contract.RandomResizedCrop) dataset.Crop {
	if cfg.MinScale == 0 {
		return dataset.Crop{}
	}
	def := contract.DefaultRandomResizedCrop()
	return dataset.Crop{Patch: dataset.Patch{
		Scale: dataset.Range{Min: cfg.MinScale, Max: cmp.Or(cfg.MaxScale, def.MaxScale)},
		Ratio: dataset.Range{Min: cmp.Or(cfg.MinRatio, def.MinRatio), Max: cmp.Or(cfg.MaxRatio, def.MaxRatio)},
	}}
}

func erasingOf(cfg contract.RandomErasing) dataset.Erasing {
	if cfg.Probability == 0 {
		return dataset.Erasing{}
	}
	def := contract.DefaultRandomErasing()
	return dataset.Erasing{Probability: cfg.Probability, Patch: dataset.Patch{
		Scale: dataset.Range{Min: cmp.Or(cfg.MinScale, def.MinScale), Max: cmp.Or(cfg.MaxScale, def.MaxScale)},
		Ratio: dataset.Range{Min: cmp.Or(cfg.MinRatio, def.MinRatio), Max: cmp.Or(cfg.MaxRatio, def.MaxRatio)},
	}}
}
