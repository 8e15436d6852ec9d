// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// ErrExists says that an artifact stands there already, and artifacts are never overwritten.
var ErrExists = errors.New("exists already")

// Staging is an artifact on its way: files are added under a temporary name until Publish gives it the final one.
type Staging struct {
	run   contract.Run
	dir   string // where files are written
	final string // what dir becomes
	files []contract.File
}

// Stage starts the artifact of run below the folder output, which it makes if need be. What an earlier, interrupted
// attempt of the same run left there is removed. It fails with ErrExists if the run has an artifact.
func Stage(output string, run contract.Run) (*Staging, error) {
	final := filepath.Join(output, contract.ArtifactName(run))
	if _, err := os.Lstat(final); err == nil {
		return nil, fmt.Errorf("%s: %w: remove it or choose another name for the run", final, ErrExists)
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return nil, fmt.Errorf("make output folder: %w", err)
	}
	prefix := ".staging-" + contract.ArtifactName(run) + "."
	if err := removeWithPrefix(output, prefix); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(output, prefix)
	if err != nil {
		return nil, fmt.Errorf("write to output folder: %w", err)
	}
	// MkdirTemp makes a private folder; the server that reads the artifact may run as another user.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	return &Staging{run: run, dir: dir, final: final}, nil
}

// Dir is the folder that Publish makes.
func (s *Staging) Dir() string { return s.final }

// Add writes one file of the artifact, flushes it to disk and returns its entry for the manifest. name is relative to
// the artifact, with slashes.
func (s *Staging) Add(name string, write func(io.Writer) error) (contract.File, error) {
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return contract.File{}, fmt.Errorf("write %s: %w", name, err)
	}
	sum, size, err := writeSynced(path, write)
	if err != nil {
		return contract.File{}, fmt.Errorf("write %s: %w", name, err)
	}
	file := contract.File{Path: name, SHA256: sum, SizeBytes: size}
	s.files = append(s.files, file)
	return file, nil
}

// Publish writes the manifest and gives the artifact its final name. It fails with ErrExists, and changes nothing, if
// there is an artifact of that name by now.
func (s *Staging) Publish(result contract.TrainResult) error {
	manifest, err := json.MarshalIndent(contract.Manifest{
		Version: contract.Version,
		Run:     s.run,
		Result:  result,
		Files:   s.files,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", contract.ManifestFile, err)
	}
	_, _, err = writeSynced(filepath.Join(s.dir, contract.ManifestFile), func(w io.Writer) error {
		_, err := w.Write(append(manifest, '\n'))
		return err
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", contract.ManifestFile, err)
	}
	if err := syncTree(s.dir); err != nil {
		return err
	}
	// rename(2) puts a folder in the place of an empty one only, so nothing is overwritten.
	if err := os.Rename(s.dir, s.final); err != nil {
		if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) || errors.Is(err, syscall.ENOTDIR) {
			return fmt.Errorf("%s: %w", s.final, ErrExists)
		}
		return fmt.Errorf("publish artifact: %w", err)
	}
	return syncDir(filepath.Dir(s.final))
}

// Discard removes what was staged. After Publish it does nothing.
func (s *Staging) Discard() error { return os.RemoveAll(s.dir) }

// writeSynced writes a new file, flushes it to disk and returns the SHA-256 in hex and the size of what was written.
func writeSynced(path string, write func(io.Writer) error) (sum string, size int64, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", 0, err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	h := sha256.New()
	counter := &countingWriter{w: io.MultiWriter(f, h)}
	buffered := bufio.NewWriterSize(counter, 1<<16)
	if err := write(buffered); err != nil {
		return "", 0, err
	}
	if err := buffered.Flush(); err != nil {
		return "", 0, err
	}
	if err := f.Sync(); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), counter.n, nil
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// syncTree flushes the folder dir and every folder in it.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() {
			return nil
		}
		return syncDir(path)
	})
}

// syncDir flushes a folder, that is the names in it. Some network file systems can't; there the rename is all the
// safety there is.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return fmt.Errorf("flush folder: %w", err)
	}
	return nil
}

// removeWithPrefix removes everything in dir whose name starts with prefix.
func removeWithPrefix(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if name := entry.Name(); len(name) > len(prefix) && name[:len(prefix)] == prefix {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("remove what an earlier attempt left: %w", err)
			}
		}
	}
	return nil
}
