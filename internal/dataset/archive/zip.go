// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

func (x *expander) expandZip(archive *os.File) error {
	directory := &directoryReader{ReaderAt: archive, left: maxDirectoryBytes}
	reader, err := zip.NewReader(directory, x.size)
	if errors.Is(err, errBudget) {
		return fmt.Errorf("%w: its directory is larger than %d bytes", ErrRefused, maxDirectoryBytes)
	}
	if err != nil {
		return x.explain("", err)
	}
	directory.open = true
	for _, entry := range reader.File {
		if err := x.expandZipEntry(entry); err != nil {
			return x.explain(entry.Name, err)
		}
	}
	return nil
}

// directoryReader bounds what is read before the zip is open: its directory.
type directoryReader struct {
	io.ReaderAt
	left int64
	open bool
}

func (d *directoryReader) ReadAt(p []byte, offset int64) (int, error) {
	if !d.open {
		if d.left -= int64(len(p)); d.left < 0 {
			return 0, errBudget
		}
	}
	return d.ReaderAt.ReadAt(p, offset)
}

func (x *expander) expandZipEntry(entry *zip.File) error {
	name, err := x.enter(entry.Name)
	if err != nil {
		return err
	}
	const encrypted = 1
	mode := entry.Mode()
	switch {
	case mode.IsDir() || strings.HasSuffix(entry.Name, "/"):
		return x.makeFolder(name)
	case !mode.IsRegular():
		return refusedType(name, mode)
	case entry.Flags&encrypted != 0:
		return fmt.Errorf("%w: %q is encrypted: pack it without a password", ErrRefused, name)
	case entry.Method != zip.Store && entry.Method != zip.Deflate:
		return fmt.Errorf("%w: %q is compressed by method %d: use deflate", ErrRefused, name, entry.Method)
	}
	content, err := entry.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	return x.writeFile(name, x.bounded(content))
}

// refusedType names what is neither a file nor a folder.
func refusedType(name string, mode fs.FileMode) error {
	what := "neither a file nor a folder"
	switch {
	case mode&fs.ModeSymlink != 0:
		what = "a symbolic link"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	case mode&fs.ModeNamedPipe != 0:
		what = "a named pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	}
	return fmt.Errorf("%w: %q is %s: pack the files themselves", ErrRefused, name, what)
}
