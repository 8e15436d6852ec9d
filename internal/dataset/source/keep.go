// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// keep returns a source that keeps files in memory, encoded, from the second reading on: what is read once only, because
// the dataset keeps its pixels, takes no memory here. What no longer fits into maxBytes is read from src each time.
func keep(src dataset.Source, maxBytes int64) dataset.Source {
	return &keeper{Source: src, left: maxBytes, files: map[string][]byte{}}
}

// keeper is a source with files in memory.
type keeper struct {
	dataset.Source

	mu   sync.Mutex
	left int64 // bytes that may still be kept
	// files are those that were read, nil after the first time. Their content is never changed.
	files map[string][]byte
}

func (k *keeper) Read(ctx context.Context, name string, maxBytes int64) ([]byte, error) {
	k.mu.Lock()
	data, again := k.files[name]
	k.mu.Unlock()
	if data != nil {
		if int64(len(data)) > maxBytes {
			return nil, fmt.Errorf("%w: %d bytes, limit %d", preprocess.ErrTooLarge, len(data), maxBytes)
		}
		return data, nil
	}
	data, err := k.Source.Read(ctx, name, maxBytes)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !again {
		k.files[name] = nil
	} else if size := int64(len(data)); k.files[name] == nil && size > 0 && size <= k.left {
		k.files[name] = data
		k.left -= size
	}
	return data, nil
}
