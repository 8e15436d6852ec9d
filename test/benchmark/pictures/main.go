// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command pictures measures how long a photograph takes from its file to the network's size, on one thread, beside Pillow, and
// the first epoch of a dataset beside torchvision's loader: make bench-pictures. They take turns, so that what else happens on
// the machine meets all alike.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/internal/preprocess/jpeg"
)

// networkSize is what pictures are resized to.
const networkSize = 224

func main() {
	data := flag.String("data", "", "`folder` of JPEG photographs at any depth, of which the pictures are made")
	out := flag.String("out", "out/bench-pictures", "`folder` for the pictures")
	python := flag.String("python", "python3", "Python with the packages of requirements.txt")
	rounds := flag.Int("rounds", 9, "measurements of each, of which the median counts")
	workers := flag.Int("workers", 2, "workers of the loaders; 0 leaves the epochs out")
	flag.Parse()
	if err := run(*data, *out, *python, *rounds, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "bench-pictures:", err)
		os.Exit(1)
	}
}

func run(data, out, python string, rounds, workers int) error {
	if data != "" {
		if err := prepare(data, out); err != nil {
			return err
		}
	}
	if err := single(out, python, rounds); err != nil || workers == 0 {
		return err
	}
	return epochs(out, python, rounds, workers)
}

// single decodes and resizes single pictures on one thread.
func single(out, python string, rounds int) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	peer, err := startPeer(python)
	if err != nil {
		return err
	}
	defer peer.stop()
	fmt.Printf("%-10s %24s %24s\n", "one thread", "here, ms", peer.name+", ms")
	fmt.Printf("%-10s %12s %11s %12s %11s %8s\n", "picture", "decoded", "and resized", "decoded", "and resized", "ratio")
	for _, kind := range kinds {
		if err := compare(kind, filepath.Join(out, kind.name), peer, rounds); err != nil {
			return err
		}
	}
	return nil
}

// timing is how long a picture takes.
type timing struct{ decoded, resized time.Duration }

// compare prints a line of the table.
func compare(kind kind, folder string, peer *peer, rounds int) error {
	paths, files, err := read(folder, kind.single)
	if err != nil {
		return err
	}
	var ours, theirs []timing
	for range rounds {
		here, err := measure(files)
		if err != nil {
			return err
		}
		there, err := peer.measure(paths)
		if err != nil {
			return err
		}
		ours, theirs = append(ours, here), append(theirs, there)
	}
	a, b := median(ours), median(theirs)
	fmt.Printf("%-10s %12.3f %11.3f %12.3f %11.3f %8.2f\n", kind.name, milliseconds(a.decoded), milliseconds(a.resized),
		milliseconds(b.decoded), milliseconds(b.resized), b.resized.Seconds()/a.resized.Seconds())
	return nil
}

// measure decodes all files, and then decodes and resizes them.
func measure(files [][]byte) (timing, error) {
	ctx, decoder, spec := context.Background(), preprocess.NewDecoder(preprocess.DefaultLimits()), preprocess.DefaultSpec(networkSize)
	pixels := make([]uint8, spec.PixelLen())
	decoded, err := each(files, func(data []byte) error {
		picture, err := jpeg.Open(data)
		if err != nil {
			return err
		}
		return picture.Rows(ctx, func([]uint8) {})
	})
	if err != nil {
		return timing{}, err
	}
	resized, err := each(files, func(data []byte) error { return decoder.Pixels(ctx, spec, pixels, data) })
	return timing{decoded: decoded, resized: resized}, err
}

// each returns the time that work takes for a file.
func each(files [][]byte, work func(data []byte) error) (time.Duration, error) {
	start := time.Now()
	for _, data := range files {
		if err := work(data); err != nil {
			return 0, err
		}
	}
	return time.Since(start) / time.Duration(len(files)), nil
}

func median(timings []timing) timing {
	middle := func(of func(timing) time.Duration) time.Duration {
		durations := make([]time.Duration, len(timings))
		for i, t := range timings {
			durations[i] = of(t)
		}
		slices.Sort(durations)
		return durations[len(durations)/2]
	}
	return timing{
		decoded: middle(func(t timing) time.Duration { return t.decoded }),
		resized: middle(func(t timing) time.Duration { return t.resized }),
	}
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
