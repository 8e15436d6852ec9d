// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/source"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

const (
	batchSize  = 32
	cacheBytes = 4 << 30
)

// epochs compares the first epoch of a dataset: every file is read, decoded, resized and normalized for batches.
func epochs(out, python string, rounds, workers int) error {
	runtime.GOMAXPROCS(workers)
	fmt.Printf("\n%-10s %14s %14s %8s\n", fmt.Sprint(workers, " workers"), "here", "torchvision", "")
	fmt.Printf("%-10s %14s %14s %8s\n", "pictures", "images/s", "images/s", "ratio")
	for _, kind := range kinds {
		folder := filepath.Join(out, kind.name)
		var ours, theirs []float64
		for range rounds {
			here, err := epoch(folder, workers)
			if err != nil {
				return err
			}
			there, err := torchvisionEpoch(python, folder, workers)
			if err != nil {
				return err
			}
			ours, theirs = append(ours, here), append(theirs, there)
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		a, b := ours[rounds/2], theirs[rounds/2]
		fmt.Printf("%-10s %14.1f %14.1f %8.2f\n", kind.name, a, b, a/b)
	}
	return nil
}

// epoch opens a dataset, which scans it, and makes all batches once. It returns images a second.
func epoch(folder string, workers int) (float64, error) {
	ctx := context.Background()
	start := time.Now()
	src, _, err := source.Open(ctx, contract.Dataset{Path: folder}, source.Options{})
	if err != nil {
		return 0, err
	}
	opened, err := dataset.Open(ctx, src, dataset.Options{
		Preprocess: preprocess.DefaultSpec(networkSize), CacheBytes: cacheBytes, Workers: workers,
	})
	if err != nil {
		return 0, err
	}
	loader, err := dataset.NewLoader(opened.All(), dataset.LoaderConfig{BatchSize: batchSize, Shuffle: true, Workers: workers})
	if err != nil {
		return 0, err
	}
	images := 0
	for batch, err := range loader.Epoch(ctx, 0, 0) {
		if err != nil {
			return 0, err
		}
		images += batch.N
	}
	return float64(images) / time.Since(start).Seconds(), nil
}

// torchvisionEpoch is the same in a process of its own, whose start doesn't count.
func torchvisionEpoch(python, folder string, workers int) (float64, error) {
	command := exec.Command(python, "test/benchmark/pictures/loader.py", //nolint:gosec // the interpreter that was asked for
		folder, strconv.Itoa(networkSize), strconv.Itoa(batchSize), strconv.Itoa(workers))
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return 0, fmt.Errorf("loader.py: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(output)), 64)
}
