// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tell

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
)

// unseenSeed is one that the demo doesn't train on.
const unseenSeed = 2026

// UnseenPicture draws a cat that no model was trained on and returns its file in dir.
func UnseenPicture(ctx context.Context, dir string, imageSize int) (string, error) {
	source, err := generate.New(generate.Config{
		SamplesPerClass: 1, Classes: []generate.Class{generate.Cat, generate.Dog}, Seed: unseenSeed, ImageSize: imageSize,
	})
	if err != nil {
		return "", err
	}
	listing, err := source.List(ctx)
	if err != nil {
		return "", err
	}
	if len(listing.Files) == 0 {
		return "", errors.New("the generator drew no picture")
	}
	data, err := source.Read(ctx, listing.Files[0].Name, 1<<20)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, listing.Files[0].Class+".jpg")
	return file, os.WriteFile(file, data, 0o644)
}
