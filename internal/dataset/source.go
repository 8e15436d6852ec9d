// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Source is a place where images lie. Its methods may be called concurrently.
type Source interface {
	// List returns what there is. Errors wrap ErrNotFound, ErrInvalid or
	// ErrCredentials where a person has to act.
	List(ctx context.Context) (Listing, error)
	// Read returns the bytes of a file that List named, or an error that wraps
	// preprocess.ErrTooLarge if there are more than maxBytes.
	Read(ctx context.Context, name string, maxBytes int64) ([]byte, error)
	// String names the place in messages.
	String() string
}

// Listing is what a source holds.
type Listing struct {
	// Files are all that may be images, in any order.
	Files []File
	// Empty are the class folders without any file.
	Empty []File
	// LeftOut is what else there is.
	LeftOut []LeftOut
	// Warnings are what people should know of it, a sentence each.
	Warnings []string
}

// File is one file of a source.
type File struct {
	// Name is its path within the source, with forward slashes. Its bytes are
	// the file system's and need not be UTF-8.
	Name string
	// Class is the class that the file belongs to, as [ClassName] returns it.
	Class string
	// Part is the part that it belongs to in a source that is split already; if
	// one file has a part, all have.
	Part Part
}

// Folder is a source of class folders: root holds one folder for each class,
// named as the class, with images in it at any depth. Links are followed. What
// starts with a dot or is named as systems name their own is passed over, and
// so are files right under root.
//
// A root that is split already, into folders named as train, validation and test
// are, each with class folders, gives its files their parts.
func Folder(root string) Source {
	dir, err := filepath.Abs(root)
	if err != nil { // the working directory is gone
		dir = root
	}
	return folder{root: root, dir: dir}
}

type folder struct {
	root string // as it was given
	dir  string // absolute
}

func (f folder) String() string { return fmt.Sprintf("folder %q", f.root) }

// at is where a name of the source is.
func (f folder) at(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

const folderShape = "it should hold one folder for each class, with that class's images in it"

func (f folder) List(ctx context.Context) (Listing, error) {
	real, err := filepath.EvalSymlinks(f.dir)
	if err == nil {
		err = f.check()
	}
	switch {
	case leadsNowhere(err):
		return Listing{}, fmt.Errorf("%w: %v does not exist: check the path and what is mounted there; %s", ErrNotFound, f, folderShape)
	case errors.Is(err, fs.ErrPermission):
		return Listing{}, fmt.Errorf("%w: %v can't be read: allow the user who runs this to read it: %w", ErrInvalid, f, err)
	case errors.Is(err, ErrInvalid):
		return Listing{}, err
	case err != nil:
		return Listing{}, fmt.Errorf("list %v: %w", f, err)
	}
	w := &walker{folder: f, real: real, left: leftOut{}}
	root, err := w.walk(ctx)
	if err != nil {
		return Listing{}, err
	}
	return w.arrange(root)
}

// check reports a root that is no folder or can't be read.
func (f folder) check() error {
	dir, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%w: %q is not a folder: %s", ErrInvalid, f.root, folderShape)
	}
	return err
}

func (f folder) Read(_ context.Context, name string, maxBytes int64) ([]byte, error) {
	data, err := readFile(f.at(name), maxBytes)
	if leadsNowhere(err) && f.gone() {
		return nil, fmt.Errorf("%v is gone, or empty: check that its volume is mounted", f)
	}
	if target, linkErr := os.Readlink(f.at(name)); leadsNowhere(err) && linkErr == nil {
		return nil, fmt.Errorf("link to %q, where nothing is: %w", target, pathless(err))
	}
	if err != nil {
		return nil, pathless(err)
	}
	return data, nil
}

// gone reports whether nothing is left of the folder, as where a volume has been
// unmounted: no file is at fault then.
func (f folder) gone() bool {
	entries, err := os.ReadDir(f.dir)
	return err != nil || len(entries) == 0
}

func readFile(at string, maxBytes int64) ([]byte, error) {
	// Before opening: opening a named pipe would block.
	info, err := os.Stat(at)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", preprocess.ErrUnsupported)
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", preprocess.ErrTooLarge, info.Size(), maxBytes)
	}
	file, err := os.Open(at)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// One byte more than the limit is enough for Decode to refuse a file that
	// grew in the meantime.
	return io.ReadAll(io.LimitReader(file, maxBytes+1))
}
