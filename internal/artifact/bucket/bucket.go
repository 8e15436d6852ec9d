// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bucket brings artifacts and checkpoints to an object store.
//
// A run writes both into a folder, as package artifact does, and this package copies them: the artifact's manifest last, so
// a reader who finds one finds everything that it lists, and a checkpoint's record after its tensors. What was copied is
// read back and held against its digest. A manifest is never written over another.
package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
	"github.com/trainyard-dev/trainyard/internal/repeat"
)

const (
	maxManifestBytes = 4 << 20
	// maxCheckpointFiles bounds what is fetched of a run's checkpoints: two are kept, of two files each.
	maxCheckpointFiles = 64
)

// patience is that with what fails for a cause that may pass.
var patience = repeat.Patience{Attempts: 4, First: 2 * time.Second}

// Store is the place of one run's artifact and checkpoints.
type Store struct {
	bucket *objectstore.Bucket
	run    contract.Run
	log    *slog.Logger
	saved  map[string]bool // names of the checkpoint files that this process has written
}

// Open opens the bucket that output names, for a run that has a UID. The log has what is tried again.
func Open(ctx context.Context, output contract.Output, run contract.Run, log *slog.Logger) (*Store, error) {
	opened, err := objectstore.Open(ctx, output.URI, output.Access)
	if err != nil {
		return nil, err
	}
	return &Store{bucket: opened, run: run, log: log, saved: map[string]bool{}}, nil
}

// Close closes the bucket.
func (s *Store) Close() error { return s.bucket.Close() }

func (s *Store) name(file string) string { return path.Join(contract.ArtifactName(s.run), file) }

// Published returns the manifest of the artifact that the run has published, with the errors of [artifact.Published]. Every
// file that it lists is read and held against its digest.
func (s *Store) Published(ctx context.Context) (*contract.Manifest, error) {
	name := s.name(contract.ManifestFile)
	data, err := s.read(ctx, name, maxManifestBytes)
	if errors.Is(err, objectstore.ErrNotFound) && !errors.Is(err, objectstore.ErrNoBucket) {
		return nil, fmt.Errorf("%s: %w", s.bucket.URI(name), artifact.ErrNotPublished)
	}
	if err != nil {
		return nil, err
	}
	manifest := &contract.Manifest{}
	if err := contract.DecodeResult(data, manifest); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", artifact.ErrInvalid, s.bucket.URI(name), err)
	}
	if manifest.Run.UID != s.run.UID {
		return nil, fmt.Errorf("%w: %s belongs to a run with UID %q, not %q", artifact.ErrInvalid, s.bucket.URI(name), manifest.Run.UID, s.run.UID)
	}
	for _, file := range manifest.Files {
		err := s.retry(ctx, func() error { return s.verify(ctx, s.name(file.Path), file.SHA256) })
		if errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, artifact.ErrDigest) {
			err = fmt.Errorf("%w: %w", artifact.ErrInvalid, err)
		}
		if err != nil {
			return nil, err
		}
	}
	return manifest, nil
}

// CheckWritable finds out, before anything is trained, whether the run will be able to publish.
func (s *Store) CheckWritable(ctx context.Context) error {
	name := s.name(contract.WritableFile)
	return s.retry(ctx, func() error {
		if err := s.bucket.Write(ctx, name, false, func(io.Writer) error { return nil }); err != nil {
			return err
		}
		return s.bucket.Remove(ctx, name)
	})
}

// Publish copies the artifact in a folder. It fails with [artifact.ErrExists] if there is one by now.
func (s *Store) Publish(ctx context.Context, dir string) error {
	manifest, err := artifact.ReadManifest(dir)
	if err != nil {
		return err
	}
	for _, file := range manifest.Files {
		if err := s.retry(ctx, func() error {
			return s.copyVerified(ctx, filepath.Join(dir, filepath.FromSlash(file.Path)), s.name(file.Path), false)
		}); err != nil {
			return err
		}
	}
	name := s.name(contract.ManifestFile)
	err = s.retry(ctx, func() error { return s.copyVerified(ctx, filepath.Join(dir, contract.ManifestFile), name, true) })
	if !errors.Is(err, objectstore.ErrExists) {
		return err
	}
	// An attempt whose answer was lost may have written it.
	if digest, _, digestErr := artifact.FileDigest(filepath.Join(dir, contract.ManifestFile)); digestErr == nil && s.verify(ctx, name, digest) == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", s.bucket.URI(name), artifact.ErrExists)
}

// FetchCheckpoints copies the run's checkpoints into a folder. Whoever reads them there verifies them.
func (s *Store) FetchCheckpoints(ctx context.Context, dir string) error {
	objects, err := s.checkpoints(ctx)
	if err != nil || len(objects) == 0 {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, object := range objects {
		base := path.Base(object.Name)
		if object.Name != path.Join(contract.CheckpointsPath(s.run), base) || !filepath.IsLocal(base) {
			continue
		}
		if err := s.retry(ctx, func() error { return s.fetch(ctx, object.Name, filepath.Join(dir, base)) }); err != nil {
			return err
		}
	}
	return nil
}

// checkpoints lists the files of the run's checkpoints.
func (s *Store) checkpoints(ctx context.Context) (objects []objectstore.Object, err error) {
	err = s.retry(ctx, func() error {
		objects, err = s.bucket.List(ctx, contract.CheckpointsPath(s.run)+"/", maxCheckpointFiles)
		return err
	})
	return objects, err
}

// SaveCheckpoints copies what is new of the checkpoints in a folder, and removes what isn't there any more.
func (s *Store) SaveCheckpoints(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	// Tensors before the records that name them.
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(path.Ext(b), path.Ext(a)) })
	for _, base := range names {
		name := path.Join(contract.CheckpointsPath(s.run), base)
		if s.saved[name] {
			continue
		}
		if err := s.retry(ctx, func() error { return s.copyVerified(ctx, filepath.Join(dir, base), name, false) }); err != nil {
			return err
		}
		s.saved[name] = true
	}
	return s.removeCheckpoints(ctx, names)
}

// RemoveCheckpoints removes all checkpoints of the run.
func (s *Store) RemoveCheckpoints(ctx context.Context) error { return s.removeCheckpoints(ctx, nil) }

// removeCheckpoints removes the checkpoint files that aren't to be kept, records before the tensors that they name.
func (s *Store) removeCheckpoints(ctx context.Context, keep []string) error {
	objects, err := s.checkpoints(ctx)
	if err != nil {
		return err
	}
	for _, object := range objects { // sorted by name: .json comes first
		if slices.Contains(keep, path.Base(object.Name)) {
			continue
		}
		if err := s.retry(ctx, func() error { return s.bucket.Remove(ctx, object.Name) }); err != nil {
			return err
		}
		delete(s.saved, object.Name)
	}
	return nil
}

// copyVerified copies a file to an object and reads it back.
func (s *Store) copyVerified(ctx context.Context, file, name string, isNew bool) error {
	digest, _, err := artifact.FileDigest(file)
	if err != nil {
		return err
	}
	err = s.bucket.Write(ctx, name, isNew, func(w io.Writer) error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
	if err != nil {
		return err
	}
	return s.verify(ctx, name, digest)
}

// verify reads an object and holds it against a digest.
func (s *Store) verify(ctx context.Context, name, want string) error {
	r, err := s.bucket.Open(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		return fmt.Errorf("%s: %w: sha256 is %s, want %s", s.bucket.URI(name), artifact.ErrDigest, got, want)
	}
	return nil
}

func (s *Store) read(ctx context.Context, name string, most int64) (data []byte, err error) {
	err = s.retry(ctx, func() error {
		r, err := s.bucket.Open(ctx, name)
		if err != nil {
			return err
		}
		defer r.Close()
		data, err = io.ReadAll(io.LimitReader(r, most))
		return err
	})
	return data, err
}

// fetch copies an object to a file.
func (s *Store) fetch(ctx context.Context, name, file string) error {
	r, err := s.bucket.Open(ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// retry tries again what may work then, and says so in the log.
func (s *Store) retry(ctx context.Context, do func() error) error {
	patience := patience
	patience.Failed = func(attempt int, err error) {
		s.log.Warn("Trying again", "attempt", attempt, "error", err)
	}
	attempts, err := patience.Try(ctx, do, isFinal)
	if err != nil && attempts > 1 && !isFinal(err) && ctx.Err() == nil {
		err = fmt.Errorf("%w; tried %d times", err, attempts)
	}
	return err
}

func isFinal(err error) bool {
	for _, final := range []error{
		objectstore.ErrConfig, objectstore.ErrCredentials, objectstore.ErrNotFound, objectstore.ErrRegion, objectstore.ErrExists, objectstore.ErrFull,
	} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}
