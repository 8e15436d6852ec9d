// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package archive unpacks archives of pictures that nobody has vouched for: zip, and tar as it is or compressed by gzip
// or zstd, told by their content.
//
// Nothing is ever written outside the folder that is named: paths are checked first, and the folder is an os.Root, so
// the system refuses what a check has missed. Whatever is no file and no folder is refused, and so is what unpacks to
// more than the limits.
package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrRefused is an archive that is not unpacked; the error that wraps it names the entry and the cause.
var ErrRefused = errors.New("archive refused")

// Limits bound what an archive may unpack to.
type Limits struct {
	// Bytes are those of all that is unpacked.
	Bytes int64
	// Entries are files and folders.
	Entries int
	// Ratio is how many bytes each byte of the archive may unpack to, beyond FreeBytes.
	Ratio, FreeBytes int64
}

// DefaultLimits are far beyond what datasets of pictures need: pictures hardly shrink.
func DefaultLimits() Limits {
	return Limits{Bytes: 512 << 30, Entries: 5_000_000, Ratio: 200, FreeBytes: 64 << 20}
}

// maxDirectoryBytes bounds the directory of a zip, which is read into memory.
const maxDirectoryBytes = 512 << 20

// Expand unpacks the archive in file into the folder dir, which exists and is empty. After an error the folder holds a
// part of the archive.
func Expand(ctx context.Context, file, dir string, limits Limits) error {
	archive, err := os.Open(file)
	if err != nil {
		return err
	}
	defer archive.Close()
	info, err := archive.Stat()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	x := &expander{ctx: ctx, root: root, limits: limits, left: limits.Bytes, size: info.Size()}
	if info.Size() < limits.Bytes/limits.Ratio { // else the ratio allows more than Bytes
		x.left, x.byRatio = max(limits.FreeBytes, limits.Ratio*info.Size()), true
	}
	return x.expand(archive)
}

// expand tells the kind of an archive by its first bytes.
func (x *expander) expand(archive *os.File) error {
	head := make([]byte, tarMagicEnd)
	n, err := archive.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return x.expandZip(archive)
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return x.expandGzip(archive)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return x.expandZstd(archive)
	case n == tarMagicEnd && string(head[tarMagicEnd-5:]) == "ustar":
		return x.expandTar(archive)
	}
	return fmt.Errorf("%w: it is neither a zip nor a tar, plain or compressed by gzip or zstd: pack the folder of class folders into one of these", ErrRefused)
}

// tarMagicEnd is where the mark of a tar's first header ends.
const tarMagicEnd = 262
