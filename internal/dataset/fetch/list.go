// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"fmt"
	"time"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// list returns what a remote place has, asking again as long as an error may pass.
func (s *Store) list(ctx context.Context, remote Remote) ([]File, error) {
	delay, since := firstDelay, time.Now()
	for attempt := 1; ; attempt++ {
		files, err := remote.List(ctx)
		switch {
		case err == nil && len(files) == 0:
			return nil, fmt.Errorf("%w: %v has no files: check its name", dataset.ErrNotFound, remote)
		case err == nil:
			return files, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case needsPerson(err):
			return nil, err
		case attempt == attempts || isCertificate(err):
			return nil, fmt.Errorf("list %v: %w", remote, tried(attempt, since, err))
		}
		if err := s.sleep(ctx, delay); err != nil {
			return nil, err
		}
		delay = min(2*delay, longestDelay)
	}
}
