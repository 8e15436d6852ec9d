// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Bounds of the pictures that are taken from a folder: all are kept in memory, and each is asked for every minute of a bake.
const (
	maxPictures      = 512
	maxPictureBytes  = 8 << 20
	maxPicturesBytes = 128 << 20
)

// openPictures reads labeled pictures of the user's own: a samples.tar, or a folder of class folders, of which the test part is
// taken if it is split, and as many of each class as there is room for.
func openPictures(ctx context.Context, given contract.Samples) (*artifact.Samples, error) {
	info, err := os.Stat(given.Path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return artifact.OpenSamples(given.Path, given.SHA256)
	}
	source := folder.New(given.Path, folder.Layout{})
	listing, err := source.List(ctx)
	if err != nil {
		return nil, err
	}
	set := &artifact.Samples{Decoding: preprocess.Decoding}
	bytes := 0
	for _, file := range chosen(listing.Files) {
		picture, err := source.Read(ctx, file.Name, maxPictureBytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		if bytes += len(picture); bytes > maxPicturesBytes {
			break
		}
		set.Items = append(set.Items, artifact.Sample{Image: picture, Label: file.Class})
		if !slices.Contains(set.Classes, file.Class) {
			set.Classes = append(set.Classes, file.Class)
		}
	}
	return set, nil
}

// chosen are the files to take, the classes in turn, and the same ones each time.
func chosen(files []dataset.File) []dataset.File {
	if slices.ContainsFunc(files, func(f dataset.File) bool { return f.Part == dataset.PartTest }) {
		files = slices.DeleteFunc(slices.Clone(files), func(f dataset.File) bool { return f.Part != dataset.PartTest })
	}
	type turn struct {
		dataset.File
		number int
	}
	count := map[string]int{}
	var turns []turn
	for _, file := range slices.SortedFunc(slices.Values(files), func(a, b dataset.File) int { return cmp.Compare(a.Name, b.Name) }) {
		turns = append(turns, turn{File: file, number: count[file.Class]})
		count[file.Class]++
	}
	slices.SortStableFunc(turns, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.Class, b.Class))
	})
	var taken []dataset.File
	for _, t := range turns[:min(len(turns), maxPictures)] {
		taken = append(taken, t.File)
	}
	return taken
}

// unknownClass is a class of the set that none of a target's is; empty if there is none.
func unknownClass(set *artifact.Samples, classes []string) string {
	for _, class := range set.Classes {
		if !slices.ContainsFunc(classes, func(c string) bool { return sameName(c, class) }) {
			return class
		}
	}
	return ""
}

// guessed is the share that who always names the most frequent class has right.
func guessed(set *artifact.Samples) float64 {
	count, most := map[string]int{}, 0
	for _, item := range set.Items {
		count[item.Label]++
		most = max(most, count[item.Label])
	}
	return float64(most) / float64(len(set.Items))
}

// recorded reports whether the answers of the samples' own model are among them.
func recorded(set *artifact.Samples) bool {
	return !slices.ContainsFunc(set.Items, func(item artifact.Sample) bool { return len(item.Logits) == 0 })
}
