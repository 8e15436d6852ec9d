// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// reader reads and decodes files of any number of workers within bounds of
// memory.
type reader struct {
	limits  preprocess.Limits
	decoder *preprocess.Decoder
	// files keeps the account of encoded files in memory, in bytes.
	files *semaphore.Weighted
}

// newReader allows encoded files half of the memory that decoding has, and the
// largest file at any rate.
func newReader(limits preprocess.Limits) *reader {
	return &reader{
		limits: limits, decoder: preprocess.NewDecoder(limits),
		files: semaphore.NewWeighted(max(limits.MaxBytes, limits.MemoryBytes/2)),
	}
}

// read calls get, which returns a file of up to limits.MaxBytes, and hands that
// to use. How large a file is shows once it has been read, so there must be
// room for the largest.
func (r *reader) read(ctx context.Context, get func() ([]byte, error), use func([]byte) error) error {
	held := r.limits.MaxBytes
	if err := r.files.Acquire(ctx, held); err != nil {
		return context.Cause(ctx)
	}
	defer func() { r.files.Release(held) }()
	data, err := get()
	if err != nil {
		return err
	}
	if length := int64(len(data)); length < held {
		r.files.Release(held - length)
		held = length
	}
	return use(data)
}
