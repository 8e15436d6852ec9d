// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// expander writes the entries of one archive.
type expander struct {
	ctx     context.Context
	root    *os.Root
	limits  Limits
	size    int64 // of the archive
	left    int64 // bytes that may still be unpacked
	byRatio bool  // the ratio allows less than the limit of bytes
	entries int
	folder  string // the last one made
	buffer  []byte
}

// errBudget is that of a read beyond what may be unpacked.
var errBudget = errors.New("too much is unpacked")

// enter counts an entry and returns its clean path.
func (x *expander) enter(name string) (string, error) {
	if x.ctx.Err() != nil {
		return "", context.Cause(x.ctx)
	}
	if x.entries++; x.entries > x.limits.Entries {
		return "", fmt.Errorf("%w: it has more than %d entries", ErrRefused, x.limits.Entries)
	}
	clean, err := CleanPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return clean, nil
}

// makeFolder makes a folder and those above it.
func (x *expander) makeFolder(name string) error {
	if name == "." || name == x.folder {
		return nil
	}
	err := x.root.MkdirAll(name, 0o755)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w: %q, or a folder above it, is a file in it too", ErrRefused, name)
	}
	if err != nil {
		return fmt.Errorf("unpack %q: %w", name, err)
	}
	x.folder = name
	return nil
}

// writeFile writes a file that doesn't exist yet.
func (x *expander) writeFile(name string, content io.Reader) error {
	if name == "." {
		return fmt.Errorf("%w: a file in it has the name of its root", ErrRefused)
	}
	if err := x.makeFolder(path.Dir(name)); err != nil {
		return err
	}
	file, err := x.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: it has %q twice", ErrRefused, name)
	}
	if err != nil {
		return fmt.Errorf("unpack %q: %w", name, err)
	}
	if x.buffer == nil {
		x.buffer = make([]byte, 256<<10)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, content, x.buffer)
	return errors.Join(err, file.Close())
}

// bounded counts what is unpacked.
func (x *expander) bounded(r io.Reader) io.Reader { return &boundedReader{x, r} }

type boundedReader struct {
	x *expander
	r io.Reader
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if err := b.x.ctx.Err(); err != nil {
		return 0, context.Cause(b.x.ctx)
	}
	n, err := b.r.Read(p)
	if b.x.left -= int64(n); b.x.left < 0 {
		return n, errBudget
	}
	return n, err
}

// tooMuch is the refusal of an archive that unpacks to more than it may.
func (x *expander) tooMuch(name string) error {
	if x.byRatio {
		return fmt.Errorf("%w: at %q it has unpacked to more than %d times its size of %d bytes", ErrRefused, name, x.limits.Ratio, x.size)
	}
	return fmt.Errorf("%w: at %q it has unpacked to more than %d bytes", ErrRefused, name, x.limits.Bytes)
}

// explain says what an error of reading at an entry means. One of the disk or of the context stays as it is.
func (x *expander) explain(name string, err error) error {
	var system *fs.PathError
	switch {
	case err == nil || errors.Is(err, ErrRefused) || errors.As(err, &system) || x.ctx.Err() != nil:
		return err
	case errors.Is(err, errBudget):
		return x.tooMuch(name)
	case name == "":
		return fmt.Errorf("%w: it is damaged or cut off: %w", ErrRefused, err)
	}
	return fmt.Errorf("%w: it is damaged or cut off at %q: %w", ErrRefused, name, err)
}
