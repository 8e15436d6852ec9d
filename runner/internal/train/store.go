// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/dataset/source"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
)

// doWithStore does the attempt with a store for images that are fetched and scratch space, which is removed. A source that
// fetches nothing gets neither.
func (r *attempt) doWithStore(ctx context.Context, result *contract.TrainResult) (err error) {
	if !source.Remote(r.cfg.Dataset) {
		return r.do(ctx, result)
	}
	if r.scratch, err = os.MkdirTemp("", "trainyard-"); err != nil {
		return failure.Temporary(fmt.Errorf("make a folder for what is fetched: %w", err))
	}
	defer os.RemoveAll(r.scratch)
	if r.store, err = fetch.Open(ctx, filepath.Join(r.scratch, "files"), fetch.Options{Scratch: true}); err != nil {
		return failure.Dataset(fmt.Errorf("open the store for what is fetched: %w", err))
	}
	return r.do(ctx, result)
}
