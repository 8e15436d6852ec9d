// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package folder is the source of images in a folder, as people have them: in class folders, or listed in a manifest.
package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// New returns a source of class folders: root holds one folder for each class,
// named as the class, with images in it at any depth. Links are followed. What
// starts with a dot or is named as systems name their own is passed over, and
// so are files right under root.
//
// A root that is split already, into folders named as train, validation and test
// are, each with class folders, gives its files their parts.
//
// What layout says goes before all that.
func New(root string, layout Layout) dataset.Source {
	return Named(root, fmt.Sprintf("folder %q", root), layout)
}

// Layout is how a folder is arranged where its folders' names don't tell.
type Layout struct {
	// Labels names a manifest in the folder: what it lists are the images. Nil: class folders.
	Labels *contract.Labels
	// Folders are those of the parts of a split. Nil: names tell. Not with Labels.
	Folders *contract.SplitFolders
}

// Named returns the source of a folder that messages call by another name: that of the place which it was fetched from.
func Named(root, name string, layout Layout) dataset.Source {
	dir, err := filepath.Abs(root)
	if err != nil { // the working directory is gone
		dir = root
	}
	return folder{tree: disk(dir), root: root, dir: dir, name: name, layout: layout}
}

// Of returns the source of a folder that is on no disk as such.
func Of(tree Tree, name string, layout Layout) dataset.Source {
	return folder{tree: tree, name: name, layout: layout}
}

type folder struct {
	tree Tree
	root string // as it was given
	dir  string // absolute; empty if the folder is on no disk
	name string // in messages

	layout Layout
}

func (f folder) String() string { return f.name }

// at is where a name of a folder on a disk is.
func (f folder) at(name string) string { return disk(f.dir).at(name) }

func (f folder) List(ctx context.Context) (dataset.Listing, error) {
	real, err := f.check()
	switch {
	case dataset.LeadsNowhere(err):
		return dataset.Listing{}, fmt.Errorf("%w: %v does not exist: check the path and what is mounted there; %s", dataset.ErrNotFound, f, dataset.FolderShape)
	case errors.Is(err, fs.ErrPermission):
		return dataset.Listing{}, fmt.Errorf("%w: %v can't be read: allow the user who runs this to read it: %w", dataset.ErrInvalid, f, err)
	case errors.Is(err, dataset.ErrInvalid):
		return dataset.Listing{}, err
	case err != nil:
		return dataset.Listing{}, fmt.Errorf("list %v: %w", f, err)
	}
	if f.layout.Labels != nil {
		return f.listLabeled(ctx)
	}
	w := &walker{folder: f, real: real, left: dataset.LeftOutByCause{}}
	root, err := w.walk(ctx)
	if err != nil {
		return dataset.Listing{}, err
	}
	return w.arrange(root)
}

// check reports a root that is no folder or can't be read, and returns where it is without links.
func (f folder) check() (real string, err error) {
	if f.dir == "" {
		return "", nil
	}
	if real, err = filepath.EvalSymlinks(f.dir); err != nil {
		return "", err
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%w: %q is not a folder: %s", dataset.ErrInvalid, f.root, dataset.FolderShape)
	}
	return real, err
}

func (f folder) Read(_ context.Context, name string, maxBytes int64) ([]byte, error) {
	data, err := readFile(f.tree, name, maxBytes)
	if dataset.LeadsNowhere(err) && f.dir != "" {
		return nil, f.missing(name, err)
	}
	if err != nil {
		return nil, pathless(err)
	}
	return data, nil
}

// missing says what is known of a file on a disk that isn't there.
func (f folder) missing(name string, err error) error {
	if f.gone() {
		return fmt.Errorf("%v is gone, or empty: check that its volume is mounted", f)
	}
	if target, linkErr := os.Readlink(f.at(name)); linkErr == nil {
		return fmt.Errorf("link to %q, where nothing is: %w", target, pathless(err))
	}
	return pathless(err)
}

// gone reports whether nothing is left of the folder, as where a volume has been
// unmounted: no file is at fault then.
func (f folder) gone() bool {
	entries, err := os.ReadDir(f.dir)
	return err != nil || len(entries) == 0
}

func readFile(tree Tree, name string, maxBytes int64) ([]byte, error) {
	// Before opening: opening a named pipe would block.
	info, err := tree.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", preprocess.ErrUnsupported)
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", preprocess.ErrTooLarge, info.Size(), maxBytes)
	}
	file, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// One byte more than the limit is enough for Decode to refuse a file that
	// grew in the meantime.
	return io.ReadAll(io.LimitReader(file, maxBytes+1))
}
