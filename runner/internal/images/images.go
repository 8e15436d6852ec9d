// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package images opens the images that a command works on, within the memory that the program may use.
package images

import (
	"context"
	"errors"
	"log/slog"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/dataset/source"
	"github.com/trainyard-dev/trainyard/internal/memory"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// Request says which images to open and what for.
type Request struct {
	// Dataset names the source; its split is left to the caller.
	Dataset contract.Dataset
	// Preprocess is how images become the network's input.
	Preprocess preprocess.Spec
	// Classes are those of a model that is measured, see dataset.Options; empty in training.
	Classes []string
	// AnySize takes any number of images of any of Classes.
	AnySize bool
	// Workers decode; 0 is one for each CPU.
	Workers int
	// MemoryBytes is what the program may use, NetworkBytes what computing takes of that.
	MemoryBytes, NetworkBytes int64
	// Store keeps images that are fetched and Scratch is a folder for what is made of them, the caller's to remove; see
	// source.Options.
	Store   *fetch.Store
	Scratch string
	// Progress is told how far the scan has come; nil for nobody.
	Progress func(dataset.Progress)
}

// keptPart is the part of the memory for decoded images that goes to encoded files of a costly source, which are a tenth
// as large or less.
const keptPart = 8

// Open opens the images and logs what is special about them. Errors have a reason, see package failure.
func Open(ctx context.Context, log *slog.Logger, r Request) (*dataset.Dataset, error) {
	cached, kept := memory.CacheBudget(r.MemoryBytes, r.NetworkBytes), int64(0)
	if source.Costly(r.Dataset) {
		kept = cached / keptPart
		cached -= kept
	}
	src, provenance, err := source.Open(ctx, r.Dataset, source.Options{
		PictureSize: r.Preprocess.Size, KeepBytes: kept, Store: r.Store, Scratch: r.Scratch,
	})
	if err != nil {
		return nil, failure.Dataset(err)
	}
	log.Info("Reading the dataset", "source", provenance.Kind, "location", provenance.Location, "imageSize", r.Preprocess.Size, "cacheMiB", cached>>20)
	limits := preprocess.DefaultLimits()
	limits.MemoryBytes = memory.DecodeBudget(r.MemoryBytes, r.NetworkBytes)
	opened, err := dataset.Open(ctx, src, dataset.Options{
		Preprocess: r.Preprocess, Limits: limits, CacheBytes: cached, Classes: r.Classes, AnySize: r.AnySize, Workers: r.Workers,
		MaxInvalidPercent: r.Dataset.MaxInvalidPercent, Progress: r.Progress,
	})
	if err != nil {
		var refused *dataset.Refused
		if errors.As(err, &refused) {
			report.LogRefused(log, refused.Found)
		}
		return nil, failure.Dataset(err)
	}
	report.LogDataset(log, opened)
	return opened, nil
}

// SplitConfig is a configured split.
func SplitConfig(s contract.Split) dataset.SplitConfig {
	return dataset.SplitConfig{ValidationPercent: s.ValidationPercent, TestPercent: s.TestPercent, Seed: uint64(s.Seed)}
}
