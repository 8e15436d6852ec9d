// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/repeat"
)

// attempts are how often a place is asked for a file or for its list.
const attempts = 7

// defaultPatience outlasts a server that is started anew.
var defaultPatience = repeat.Patience{Attempts: attempts, First: 500 * time.Millisecond, Longest: 20 * time.Second}

// try does something until it works or its error can't pass. What could have passed is told with what was tried, and how
// often; other errors name their place themselves.
func try(ctx context.Context, patience repeat.Patience, what string, do func() error) error {
	since := time.Now()
	times, err := patience.Try(ctx, do, func(err error) bool { return ownWords(err) || isCertificate(err) })
	if err == nil || ctx.Err() != nil || ownWords(err) {
		return err
	}
	return fmt.Errorf("%s: %w", what, tried(times, since, err))
}

// ownWords tells whether an error says by itself where it is from and what a person has to do.
func ownWords(err error) bool { return needsPerson(err) || errors.Is(err, errFull) }

func needsPerson(err error) bool {
	for _, kind := range []error{dataset.ErrConfig, dataset.ErrCredentials, dataset.ErrNotFound, dataset.ErrInvalid} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
