// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"
)

// Versioned is a remote place that has a word for each state of it, such as a commit.
type Versioned interface {
	Remote
	// Revision is that of what List returned last.
	Revision() string
}

// listed is the list of a place.
type listed struct {
	Files    []File
	Revision string

	warnings []string
}

// lookUp returns what a place has or, where that isn't reached, what it had when all of it was fetched last, if none of that
// is missing. A place that is reached and refuses is not passed over, nor is one that isn't who it should be.
func (s *Store) lookUp(ctx context.Context, remote Remote, missing func([]File) int) (listed, error) {
	files, err := s.list(ctx, remote)
	if err == nil {
		now := listed{Files: files}
		if v, ok := remote.(Versioned); ok {
			now.Revision = v.Revision()
		}
		return now, nil
	}
	if ctx.Err() != nil || needsPerson(err) || isCertificate(err) {
		return listed{}, err
	}
	old, at, recallErr := s.recall(remote)
	if recallErr != nil {
		return listed{}, err // what matters, whether there is no list or none that can be read
	}
	if missing := missing(old.Files); missing > 0 {
		return listed{}, fmt.Errorf("%w; its list of %s can't stand in, as %d of its %d files are no longer in the cache", err, at, missing, len(old.Files))
	}
	old.warnings = []string{fmt.Sprintf("its files are those of %s, from the cache, as it isn't reached: %v", at, err)}
	return old, nil
}

// remember keeps the list of a place whose files are all in the store. What can't be used without the place is not kept.
func (s *Store) remember(remote Remote, l listed) error {
	if s.opts.Scratch || len(l.warnings) > 0 {
		return nil
	}
	for _, f := range l.Files {
		if f.Hash.New != nil || !f.isKnown() || !utf8.ValidString(f.Path) {
			return nil
		}
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	part := filepath.Join(s.dir, partsDir, fmt.Sprintf("%s.%d", s.lease.id, s.parts.Add(1)))
	if err := os.WriteFile(part, data, 0o666); err != nil {
		return s.diskError(errors.Join(err, os.Remove(part)))
	}
	if err := os.Rename(part, s.listOf(remote)); err != nil {
		return s.diskError(err)
	}
	return s.forget()
}

// recall returns the list of a place that was kept, and of when it is.
func (s *Store) recall(remote Remote) (old listed, at string, err error) {
	file, err := os.Open(s.listOf(remote))
	if err != nil {
		return old, "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return old, "", err
	}
	if err := json.NewDecoder(file).Decode(&old); err != nil {
		return old, "", err
	}
	if len(old.Files) == 0 {
		return old, "", fs.ErrNotExist
	}
	return old, info.ModTime().UTC().Format(time.RFC3339), checkFiles(remote.String(), old.Files)
}

// listOf is where the list of a place is kept.
func (s *Store) listOf(remote Remote) string {
	sum := sha256.Sum256([]byte(remote.Identity()))
	return filepath.Join(s.dir, listsDir, hex.EncodeToString(sum[:]))
}

// countMissing tells how many files of a place are not in the store.
func (s *Store) countMissing(remote Remote, files []File) int {
	_, missing := s.missing(s.entries(remote, files))
	return len(missing)
}

// listsKept is how long the list of a place is kept that isn't fetched again.
const listsKept = 90 * 24 * time.Hour

// forget removes lists that nobody has renewed for long.
func (s *Store) forget() error {
	now, err := s.diskTime()
	if err != nil {
		return s.diskError(err)
	}
	return s.lists(listsDir, func(at string, info fs.FileInfo) error {
		if now.Sub(info.ModTime()) < listsKept {
			return nil
		}
		return os.Remove(at)
	})
}
