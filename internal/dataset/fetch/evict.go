// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// object is a complete file of the store.
type object struct {
	key  string
	size int64
	used time.Time
}

// makeRoom removes what was used longest ago until all that running runs use, those files included that they still have
// to fetch, fits into the bound.
func (s *Store) makeRoom() error {
	now, err := s.diskTime()
	if err != nil {
		return s.diskError(err)
	}
	if err := s.retireExpired(now); err != nil {
		return s.diskError(err)
	}
	if s.opts.MaxBytes <= 0 {
		return nil
	}
	inUse, err := s.inUse()
	if err != nil {
		return s.diskError(err)
	}
	if own := s.ownBytes(); own > s.opts.MaxBytes {
		return fmt.Errorf("%w: the dataset has %d bytes, %s allows %d: raise it", dataset.ErrConfig, own, s.limit(), s.opts.MaxBytes)
	}
	objects, err := s.objects()
	if err != nil {
		return s.diskError(err)
	}
	var total int64
	for _, size := range inUse {
		total += max(size, 0)
	}
	var idle []object
	for _, o := range objects {
		size, used := inUse[o.key]
		if !used {
			idle = append(idle, o)
		}
		if !used || size < 0 {
			total += o.size
		}
	}
	return s.evict(idle, total-s.opts.MaxBytes)
}

// evict removes the given number of bytes of objects that nobody uses, those first that were used longest ago.
func (s *Store) evict(idle []object, bytes int64) error {
	if bytes <= 0 {
		return nil
	}
	uses, err := s.lastUses()
	if err != nil {
		return s.diskError(err)
	}
	for i := range idle {
		if used := uses[idle[i].key]; used.After(idle[i].used) {
			idle[i].used = used
		}
	}
	slices.SortFunc(idle, func(a, b object) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.key, b.key)) })
	var chosen []object
	for _, o := range idle {
		if bytes <= 0 {
			break
		}
		chosen = append(chosen, o)
		bytes -= o.size
	}
	if bytes > 0 {
		return fmt.Errorf("%w in %s: other runs that are going on use what is in it: raise %s, which allows %d bytes, or wait until they are done",
			errFull, s.dir, s.limit(), s.opts.MaxBytes)
	}
	return s.remove(chosen)
}

// remove removes objects, but puts back those that another run has begun to use in the meantime. They are out of sight
// before the leases are read again: a run that wrote its lease later finds them missing, one that wrote it earlier is seen.
func (s *Store) remove(chosen []object) error {
	trash := filepath.Join(s.dir, partsDir, s.lease.id+".evicted")
	if err := os.MkdirAll(trash, 0o777); err != nil {
		return s.diskError(err)
	}
	hidden := map[string]string{} // by key
	for i, o := range chosen {
		at := filepath.Join(trash, strconv.Itoa(i))
		if os.Rename(s.object(o.key), at) == nil { // else another run was faster
			hidden[o.key] = at
		}
	}
	inUse, err := s.inUse()
	if err != nil {
		return s.diskError(err)
	}
	for key, at := range hidden {
		if _, used := inUse[key]; used {
			if err := os.Rename(at, s.object(key)); err != nil {
				return s.diskError(err)
			}
		}
	}
	if err := os.RemoveAll(trash); err != nil {
		return s.diskError(err)
	}
	return nil
}

// ownBytes is what this run's files have, as far as their sizes are known.
func (s *Store) ownBytes() int64 {
	s.lease.mu.Lock()
	defer s.lease.mu.Unlock()
	var total int64
	for _, size := range s.lease.entries {
		total += max(size, 0)
	}
	return total
}

// lists calls with for each list in a folder of leases or uses.
func (s *Store) lists(folder string, with func(at string, info fs.FileInfo) error) error {
	found, err := os.ReadDir(filepath.Join(s.dir, folder))
	if err != nil {
		return err
	}
	for _, f := range found {
		if strings.Contains(f.Name(), ".") { // being written
			continue
		}
		info, err := f.Info()
		if err == nil {
			err = with(filepath.Join(s.dir, folder, f.Name()), info)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// inUse are the sizes of what running runs use, by key.
func (s *Store) inUse() (map[string]int64, error) {
	used := map[string]int64{}
	return used, s.lists(leasesDir, func(at string, _ fs.FileInfo) error {
		entries, err := readEntries(at)
		for _, e := range entries {
			used[e.key] = max(e.size, used[e.key])
		}
		return err
	})
}

// lastUses are the times at which objects were used last by runs that are over. Records of nothing that is there go.
func (s *Store) lastUses() (map[string]time.Time, error) {
	uses := map[string]time.Time{}
	return uses, s.lists(usesDir, func(at string, info fs.FileInfo) error {
		entries, err := readEntries(at)
		alive := false
		for _, e := range entries {
			alive = alive || present(s.object(e.key), -1)
			if info.ModTime().After(uses[e.key]) {
				uses[e.key] = info.ModTime()
			}
		}
		if err == nil && !alive {
			err = os.Remove(at)
		}
		return err
	})
}

// retireExpired ends the leases of runs that are gone, and removes what they were fetching.
func (s *Store) retireExpired(now time.Time) error {
	alive := map[string]bool{s.lease.id: true}
	err := s.lists(leasesDir, func(at string, info fs.FileInfo) error {
		if now.Sub(info.ModTime()) > expiry && at != s.lease.path {
			return s.retire(at)
		}
		alive[filepath.Base(at)] = true
		return nil
	})
	if err != nil {
		return err
	}
	parts, err := os.ReadDir(filepath.Join(s.dir, partsDir))
	if err != nil {
		return err
	}
	for _, part := range parts {
		owner, _, _ := strings.Cut(part.Name(), ".")
		if !alive[owner] {
			if err := os.RemoveAll(filepath.Join(s.dir, partsDir, part.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// objects are all complete files.
func (s *Store) objects() ([]object, error) {
	root := filepath.Join(s.dir, objectsDir)
	var objects []object
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && at != root {
			return nil // another run evicts
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		key, err := filepath.Rel(root, at)
		objects = append(objects, object{filepath.ToSlash(key), info.Size(), info.ModTime()})
		return err
	})
	return objects, err
}
