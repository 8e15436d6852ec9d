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
	"path"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Source is a place where images lie. Its methods may be called concurrently.
type Source interface {
	// List returns all files that may be images, in any order. Errors wrap
	// ErrNotFound or ErrInvalid where a person has to act.
	List(ctx context.Context) ([]File, error)
	// Read returns the bytes of a file that List named, or an error that wraps
	// preprocess.ErrTooLarge if there are more than maxBytes.
	Read(ctx context.Context, name string, maxBytes int64) ([]byte, error)
	// String names the place in messages.
	String() string
}

// File is one file of a source.
type File struct {
	// Name is its path within the source, with forward slashes.
	Name string
	// Class is the class that the file belongs to.
	Class string
}

// Folder is a source of class folders: root holds one folder for each class,
// named as the class, with images in it at any depth. Files and folders whose
// name starts with a dot are passed over, and so are files right under root.
func Folder(root string) Source { return folder{root: root, fsys: os.DirFS(root)} }

type folder struct {
	root string
	fsys fs.FS
}

func (f folder) String() string { return fmt.Sprintf("folder %q", f.root) }

const folderShape = "it should hold one folder for each class, with that class's images in it"

func (f folder) List(ctx context.Context) ([]File, error) {
	entries, err := fs.ReadDir(f.fsys, ".")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %v does not exist: check the path and what is mounted there; %s", ErrNotFound, f, folderShape)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: %v can't be read: allow the user who runs this to read it: %w", ErrInvalid, f, err)
	case err != nil:
		if info, statErr := os.Stat(f.root); statErr == nil && !info.IsDir() {
			return nil, fmt.Errorf("%w: %q is not a folder: %s", ErrInvalid, f.root, folderShape)
		}
		return nil, fmt.Errorf("list %v: %w", f, err)
	}
	var files []File
	beside := 0
	for _, entry := range entries {
		class := entry.Name()
		if hidden(class) {
			continue
		}
		// Stat rather than the entry, to follow a link to a folder.
		if info, err := fs.Stat(f.fsys, class); err != nil || !info.IsDir() {
			beside++
			continue
		}
		inClass, err := f.listClass(ctx, class)
		if err != nil {
			return nil, err
		}
		if len(inClass) == 0 {
			return nil, fmt.Errorf("%w: the folder of class %q in %v is empty: add images, or remove it", ErrInvalid, class, f)
		}
		files = append(files, inClass...)
	}
	if len(files) == 0 && beside > 0 {
		return nil, fmt.Errorf("%w: %v has %d files but no class folders: %s", ErrInvalid, f, beside, folderShape)
	}
	return files, nil
}

func (f folder) listClass(ctx context.Context, class string) ([]File, error) {
	sub, err := fs.Sub(f.fsys, class)
	if err != nil {
		return nil, fmt.Errorf("list class %q of %v: %w", class, f, err)
	}
	var files []File
	err = fs.WalkDir(sub, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			return fmt.Errorf("%w: can't be read: allow the user who runs this to read it: %w", ErrInvalid, err)
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case name != "." && hidden(entry.Name()) && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir() || hidden(entry.Name()):
			return nil
		}
		files = append(files, File{Name: path.Join(class, name), Class: class})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list class %q of %v: %w", class, f, err)
	}
	return files, nil
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

func (f folder) Read(_ context.Context, name string, maxBytes int64) ([]byte, error) {
	// Before opening: opening a named pipe would block.
	info, err := fs.Stat(f.fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", preprocess.ErrUnsupported)
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", preprocess.ErrTooLarge, info.Size(), maxBytes)
	}
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// One byte more than the limit is enough for Decode to refuse a file that
	// grew in the meantime.
	return io.ReadAll(io.LimitReader(file, maxBytes+1))
}
