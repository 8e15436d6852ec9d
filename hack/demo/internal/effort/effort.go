// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package effort picks how long a folder's pictures are learned, and at which size.
package effort

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"
)

const (
	smallSize, largeSize = 64, 128 // pixels, both sides
	// imagesPerSecond of a folder are about what a core takes in an epoch at smallSize.
	imagesPerSecond = 300
	// fewestEpochs teach a network anything, and after mostEpochs it learns few pictures by heart.
	fewestEpochs, mostEpochs = 3, 40
)

// Effort is what a training is given.
type Effort struct {
	ImageSize, Epochs int
	// Takes is about how long it will be.
	Takes time.Duration
}

// Pick looks at a folder, picks what its pictures need within the limit, and says so to out.
func Pick(ctx context.Context, path string, limit time.Duration, out io.Writer) (Folder, Effort, error) {
	found, err := Look(ctx, path)
	if err != nil {
		return Folder{}, Effort{}, err
	}
	picked := For(found.Pictures, runtime.GOMAXPROCS(0), limit)
	fmt.Fprintf(out, "   %d pictures of %d classes in %s: %d epochs at %d pixels, which take about %s",
		found.Pictures, found.Classes, path, picked.Epochs, picked.ImageSize, picked.Takes.Round(time.Second))
	if picked.Takes > limit {
		fmt.Fprintf(out, ", more than the %s asked for: fewer epochs teach nothing", limit)
	} else {
		fmt.Fprintf(out, " (MINUTES=%g at most)", limit.Minutes())
	}
	fmt.Fprintln(out)
	return found, picked, nil
}

// For spends the time that training may take on so many pictures: on larger ones where that leaves enough epochs, and never on
// fewer epochs than teach anything.
func For(pictures, cpus int, limit time.Duration) Effort {
	const manyEpochs = mostEpochs / 2
	picked := within(largeSize, pictures, cpus, limit)
	if picked.Epochs < manyEpochs {
		picked = within(smallSize, pictures, cpus, limit)
	}
	return picked
}

// within is as many epochs at a size as the limit allows.
func within(size, pictures, cpus int, limit time.Duration) Effort {
	area := float64(size*size) / (smallSize * smallSize)
	epoch := float64(pictures) * area / (imagesPerSecond * float64(cpus)) // seconds
	epochs := min(max(int(limit.Seconds()/epoch), fewestEpochs), mostEpochs)
	return Effort{ImageSize: size, Epochs: epochs, Takes: time.Duration(float64(epochs) * epoch * float64(time.Second))}
}
