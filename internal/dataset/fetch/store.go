// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/repeat"
)

// Folders of a store.
const (
	objectsDir = "objects" // complete files, named by their content
	leasesDir  = "leases"  // what running runs use
	usesDir    = "uses"    // when which files were used last
	partsDir   = "parts"   // files that are being fetched
	listsDir   = "lists"   // what places had when all of it was fetched last
)

// Options say how a store works.
type Options struct {
	// MaxBytes bounds what the store holds; 0 is no bound.
	MaxBytes int64
	// Field is the configuration's name for the store, such as dataset.cache, for messages.
	Field string
	// Workers fetch side by side: they wait for a network, not for a CPU. 0 means 64.
	Workers int
	// Scratch says that the store is this program's alone and goes with it: an archive is removed once it is unpacked.
	Scratch bool
	// Progress is told how far a fetch has come, a few times a second, and at its end. It may be nil.
	Progress func(Progress)
	// TryingAgain is told of each failure to list what a place has after which it is asked again. It may be nil.
	TryingAgain func(place string, attempt int, err error)
}

// defaultWorkers is what keeps a connection of 100 Mbit/s or a round trip of 20 ms from being waited for with small files.
const defaultWorkers = 64

// Store is a folder of files that are named by their content. Several processes, also of several nodes, may use one at the
// same time: files become visible by a rename, and who uses which is written down in leases.
type Store struct {
	dir      string
	opts     Options
	lease    *lease
	parts    atomic.Int64 // numbers the files that are being fetched
	patience repeat.Patience
}

// Open returns the store in a folder, which is made if it isn't there. It uses what it is asked for until ctx ends or Close.
func Open(ctx context.Context, dir string, opts Options) (*Store, error) {
	if opts.Workers <= 0 {
		opts.Workers = defaultWorkers
	}
	s := &Store{dir: dir, opts: opts, patience: defaultPatience}
	for _, sub := range []string{objectsDir, leasesDir, usesDir, partsDir, listsDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return nil, s.diskError(err)
		}
	}
	id := make([]byte, 12)
	_, _ = rand.Read(id) // never fails
	s.lease = &lease{id: hex.EncodeToString(id), path: filepath.Join(dir, leasesDir, hex.EncodeToString(id))}
	go s.heartbeat(ctx)
	return s, nil
}

// Close gives back what the store's files were kept for: they may be evicted from now on.
func (s *Store) Close() error { return s.endLease() }

// Fetch brings files of a remote place into the store, those that aren't there already, and returns where each lies. Files
// that the store returned stay until Close.
func (s *Store) Fetch(ctx context.Context, remote Remote, files []File) ([]string, error) {
	if err := checkFiles(remote.String(), files); err != nil {
		return nil, err
	}
	entries := s.entries(remote, files)
	// The lease comes first: what is found after it is written stays.
	if err := s.use(entries); err != nil {
		return nil, s.diskError(err)
	}
	paths, missing := s.missing(entries)
	count := newCounter(s.opts.Progress, files, missing)
	defer count.end()
	if len(missing) == 0 {
		return paths, nil
	}
	if err := s.makeRoom(); err != nil {
		return nil, err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(s.opts.Workers, len(missing)) {
		group.Go(func() error {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(missing) || groupCtx.Err() != nil {
					return groupCtx.Err()
				}
				if err := s.fetch(groupCtx, remote, files[missing[n]], paths[missing[n]], count); err != nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return paths, nil
}

// claim uses files of a place if the store has all of them, and none of them otherwise.
func (s *Store) claim(remote Remote, files []File) (claimed bool, err error) {
	entries := s.entries(remote, files)
	if err := s.use(entries); err != nil {
		return false, s.diskError(err)
	}
	if _, missing := s.missing(entries); len(missing) == 0 {
		return true, nil
	}
	return false, s.release(remote, files)
}

// release ends the use of files of a place.
func (s *Store) release(remote Remote, files []File) error {
	if err := s.disuse(s.entries(remote, files)); err != nil {
		return s.diskError(err)
	}
	return nil
}

// entries are what stands for files of a place in the lease.
func (s *Store) entries(remote Remote, files []File) []entry {
	entries := make([]entry, len(files))
	for i, f := range files {
		entries[i] = entry{f.key(remote.String(), s.lease.id), f.Size}
	}
	return entries
}

// missing returns where files lie or will, and which of them aren't there; of files of the same content, the first.
func (s *Store) missing(entries []entry) (paths []string, missing []int) {
	paths = make([]string, len(entries))
	seen := make(map[string]bool, len(entries))
	for i, e := range entries {
		paths[i] = s.object(e.key)
		if !seen[e.key] && !present(paths[i], e.size) {
			missing = append(missing, i)
		}
		seen[e.key] = true
	}
	return paths, missing
}

func (s *Store) object(key string) string {
	return filepath.Join(s.dir, objectsDir, filepath.FromSlash(key))
}

// present reports whether a file is in the store, as long as it should be: a machine that lost power may have kept a name
// without its content.
func present(at string, size int64) bool {
	info, err := os.Stat(at)
	return err == nil && info.Mode().IsRegular() && (size < 0 || info.Size() == size)
}

// errFull marks errors of a disk or a bound that is reached, which passes only if a person or another run does something.
var errFull = errors.New("no room")

// limit is the configuration's name for the bound.
func (s *Store) limit() string { return s.opts.Field + ".sizeLimit" }

// diskError says of an error of the store's own folder what to do about it.
func (s *Store) diskError(err error) error {
	switch {
	case (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) && s.opts.Scratch:
		return fmt.Errorf("%w in scratch space (%s): name a volume with enough in %s: %w", errFull, s.dir, s.opts.Field, err)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w in %s: its disk is full: raise the volume's size, or lower %s so that older files go earlier: %w",
			errFull, s.dir, s.limit(), err)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: %s names %s, which is no folder and can't be one: name a folder, or a place for one", dataset.ErrConfig, s.opts.Field, s.dir)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %s names a folder that can't be written: allow the user who runs this to write it: %w", dataset.ErrConfig, s.opts.Field, err)
	default:
		return err
	}
}
