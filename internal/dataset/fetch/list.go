// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// list returns what a remote place has, asking again as long as an error may pass.
func (s *Store) list(ctx context.Context, remote Remote) (files []File, err error) {
	patience := s.patience
	if told := s.opts.TryingAgain; told != nil {
		patience.Failed = func(attempt int, err error) { told(fmt.Sprint(remote), attempt, err) }
	}
	err = try(ctx, patience, fmt.Sprintf("list %v", remote), func() error {
		files, err = remote.List(ctx)
		if err == nil && len(files) == 0 {
			return fmt.Errorf("%w: %v has no files: check its name", dataset.ErrNotFound, remote)
		}
		return err
	})
	return files, err
}
