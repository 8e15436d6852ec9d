// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/trainyard-dev/trainyard/internal/artifact"
)

// partial is a file beside another that its content is fetched into.
type partial struct {
	file *os.File
	hash hash.Hash // of what it holds
	size int64
	// published says that the file has the other's name.
	published bool
}

// createPartial creates a file beside path. As long as it is open it is locked. What a pull that was killed has left isn't: the
// beginning of a file of the wanted digest is gone on with, and all else is removed, or a volume would fill with it. Where a file
// system has no locks, neither is done.
func createPartial(path, digest string) (*partial, error) {
	folder, prefix := filepath.Dir(path), "."+filepath.Base(path)+".partial-"
	kept := ""
	if digest != "" {
		kept = prefix + digest
	}
	removeStale(folder, prefix, kept)
	if kept != "" {
		if file := openLocked(filepath.Join(folder, kept)); file != nil {
			p := &partial{file: file, hash: sha256.New()}
			var err error
			if p.size, err = io.Copy(p.hash, file); err != nil {
				return nil, errors.Join(err, file.Close())
			}
			return p, nil
		}
	}
	file, err := os.CreateTemp(folder, prefix)
	if err != nil {
		return nil, err
	}
	_ = lock(file)
	return &partial{file: file, hash: sha256.New()}, nil
}

// openLocked opens a file, or creates it, unless it can't be locked.
func openLocked(path string) *os.File {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil
	}
	if lock(file) == nil && isAt(file, path) {
		return file
	}
	_ = file.Close()
	return nil
}

// isAt tells whether a file still has its name: another pull may have finished with it before it was locked here.
func isAt(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, named)
}

// restart forgets what the file holds.
func (p *partial) restart() error {
	p.hash.Reset()
	p.size = 0
	_, err := p.file.Seek(0, io.SeekStart)
	return errors.Join(err, p.file.Truncate(0))
}

// fill adds content, as long as the file is within MaxFileBytes.
func (p *partial) fill(content io.Reader) error {
	n, err := io.Copy(io.MultiWriter(p.file, p.hash), io.LimitReader(content, MaxFileBytes+1-p.size))
	p.size += n
	switch {
	case err != nil:
		return err
	case p.size > MaxFileBytes:
		return fmt.Errorf("%w: at most %d bytes are fetched", artifact.ErrTooLarge, int64(MaxFileBytes))
	}
	return nil
}

// digest is the SHA-256 of what the file holds.
func (p *partial) digest() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// publish flushes the file to disk and gives it the name of the other.
func (p *partial) publish(path string) error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	// It was private; the server that reads it may run as another user.
	if err := p.file.Chmod(0o644); err != nil {
		return err
	}
	err := os.Rename(p.file.Name(), path)
	p.published = err == nil
	return err
}

// discard closes the file, and removes it if it wasn't published.
func (p *partial) discard() {
	if !p.published { // the name may be another pull's by now
		_ = os.Remove(p.file.Name())
	}
	_ = p.file.Close()
}

// removeStale removes the files of a prefix that nobody holds, except one.
func removeStale(folder, prefix, except string) {
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !strings.HasPrefix(entry.Name(), prefix) || entry.Name() == except {
			continue
		}
		if file := openLocked(filepath.Join(folder, entry.Name())); file != nil {
			_ = os.Remove(file.Name())
			_ = file.Close()
		}
	}
}

// lock locks a file, or fails at once if another has.
func lock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
