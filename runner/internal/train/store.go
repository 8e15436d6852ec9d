// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
)

// doWithStore does the attempt with a store for images that are fetched and scratch space, which is removed. A source that
// fetches nothing gets neither.
func (r *attempt) doWithStore(ctx context.Context, result *contract.TrainResult) (err error) {
	if !r.cfg.Dataset.IsRemote() {
		return r.do(ctx, result)
	}
	if r.scratch, err = os.MkdirTemp("", "trainyard-"); err != nil {
		return failure.Temporary(fmt.Errorf("make a folder for what is fetched: %w", err))
	}
	defer os.RemoveAll(r.scratch)
	if r.store, err = r.openStore(ctx); err != nil {
		return failure.Dataset(fmt.Errorf("open the cache of the dataset: %w", err))
	}
	defer func() {
		if closeErr := r.store.Close(); closeErr != nil {
			r.log.Warn("The run's files in the cache of the dataset can't be released; they are ten minutes after its end", "error", closeErr)
		}
	}()
	return r.do(ctx, result)
}

// openStore opens the store that the configuration names, or one in scratch space.
func (r *attempt) openStore(ctx context.Context) (*fetch.Store, error) {
	cache := r.cfg.Dataset.Cache
	opts := fetch.Options{MaxBytes: cache.MaxBytes, Field: "dataset.cache", Scratch: cache.Path == ""}
	opts.Progress = func(p fetch.Progress) { r.events.tell(Fetching{p}) }
	opts.TryingAgain = func(place string, attempt int, err error) {
		r.log.Warn("Trying again", "place", place, "attempt", attempt, "error", err)
	}
	return fetch.Open(ctx, cmp.Or(cache.Path, filepath.Join(r.scratch, "files")), opts)
}
