// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A lease is a file that lists what a run uses, one object a line. The run touches it every beat; one that wasn't touched
// for expiry is that of a run that is gone, and becomes a record of when its files were used last. File times are compared
// with those that the same file system gives, never with a node's clock.
const (
	beat   = time.Minute
	expiry = 10 * time.Minute
)

// entry is a file in a lease; its size is -1 if that was unknown.
type entry struct {
	key  string
	size int64
}

type lease struct {
	id, path string

	mu      sync.Mutex
	entries map[string]int64
}

// use adds to what this store uses, and writes it down.
func (s *Store) use(entries []entry) error {
	return s.lease.change(func(used map[string]int64) {
		for _, e := range entries {
			used[e.key] = e.size
		}
	})
}

// disuse takes from what this store uses, and writes it down.
func (s *Store) disuse(entries []entry) error {
	return s.lease.change(func(used map[string]int64) {
		for _, e := range entries {
			delete(used, e.key)
		}
	})
}

func (l *lease) change(change func(used map[string]int64)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = map[string]int64{}
	}
	change(l.entries)
	all := make([]entry, 0, len(l.entries))
	for key, size := range l.entries {
		all = append(all, entry{key, size})
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	return writeEntries(l.path, all)
}

// writeEntries replaces a list in one step.
func writeEntries(at string, entries []entry) error {
	part := at + ".part"
	file, err := os.Create(part)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	for _, e := range entries {
		fmt.Fprintf(w, "%d %s\n", e.size, e.key)
	}
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		return err
	}
	return os.Rename(part, at)
}

// readEntries returns what a list holds. Lines that are none are passed over, as another program's may be.
func readEntries(at string) ([]entry, error) {
	file, err := os.Open(at)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var entries []entry
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		number, key, _ := strings.Cut(lines.Text(), " ")
		size, err := strconv.ParseInt(number, 10, 64)
		if err == nil && fs.ValidPath(key) {
			entries = append(entries, entry{key, size})
		}
	}
	return entries, lines.Err()
}

// heartbeat keeps the lease alive until ctx ends.
func (s *Store) heartbeat(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.touch()
		}
	}
}

// touch writes the lease again if it is gone, as after an interruption longer than expiry.
func (s *Store) touch() {
	s.lease.mu.Lock()
	idle := s.lease.entries == nil
	s.lease.mu.Unlock()
	if idle {
		return
	}
	now, err := s.diskTime()
	if err == nil {
		err = os.Chtimes(s.lease.path, now, now)
	}
	if errors.Is(err, fs.ErrNotExist) {
		_ = s.use(nil) // the next beat tries again
	}
}

// diskTime is the time of the file system that the store lies on.
func (s *Store) diskTime() (time.Time, error) {
	probe := filepath.Join(s.dir, leasesDir, "."+s.lease.id)
	if err := os.WriteFile(probe, nil, 0o666); err != nil {
		return time.Time{}, err
	}
	info, err := os.Stat(probe)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), os.Remove(probe)
}

// endLease ends the use of all files.
func (s *Store) endLease() error {
	s.lease.mu.Lock()
	defer s.lease.mu.Unlock()
	if s.lease.entries == nil {
		return nil
	}
	s.lease.entries = nil
	return s.retire(s.lease.path)
}

// retire makes a record of use of a lease. The same files have one record, the newest.
func (s *Store) retire(at string) error {
	data, err := os.ReadFile(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	return os.Rename(at, filepath.Join(s.dir, usesDir, hex.EncodeToString(sum[:])))
}
