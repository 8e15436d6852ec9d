// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package guard is who may ask a server and how often: a certificate and tokens from files that are read again when they
// change, and a rate for each client. A server without any of them is open to whoever reaches it.
package guard

import (
	"bytes"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// checkEvery is how often files are looked at, while there are requests.
const checkEvery = time.Second

// reloaded is what files say, as of a second ago at most. While they can't be used, what they said before stays.
type reloaded[T any] struct {
	paths []string
	parse func(contents [][]byte) (T, error)
	log   *slog.Logger

	mu       sync.Mutex
	checked  time.Time
	contents [][]byte
	value    T
}

func newReloaded[T any](log *slog.Logger, parse func([][]byte) (T, error), paths ...string) (*reloaded[T], error) {
	r := &reloaded[T]{paths: paths, parse: parse, log: log, checked: time.Now()}
	var err error
	if r.contents, err = r.read(); err != nil {
		return nil, err
	}
	if r.value, err = parse(r.contents); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *reloaded[T]) read() ([][]byte, error) {
	contents := make([][]byte, len(r.paths))
	for i, path := range r.paths {
		var err error
		if contents[i], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return contents, nil
}

func (r *reloaded[T]) get(now time.Time) T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.checked) < checkEvery {
		return r.value
	}
	r.checked = now
	contents, err := r.read()
	if err == nil && slices.EqualFunc(contents, r.contents, bytes.Equal) {
		return r.value
	}
	value := r.value
	if err == nil {
		r.contents = contents // what can't be used is told once
		value, err = r.parse(contents)
	}
	if err != nil {
		r.log.Warn("Files have changed and can't be used: what they said before stays", "files", r.paths, "error", err)
		return r.value
	}
	r.value = value
	r.log.Info("Files were read again", "files", r.paths)
	return r.value
}
