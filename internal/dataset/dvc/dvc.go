// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dvc reads datasets that DVC keeps beside a Git repository, without DVC, Git or Python: it finds what a revision
// of the repository says of a path, and opens the files in DVC's remote storage.
//
// All that comes from a repository is taken to be hostile: it is read within bounds, and what it names never leads out of
// the folders that it may name.
package dvc

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// Location is a dataset in a repository.
type Location struct {
	// Repo is the repository: an https://, ssh:// or file:// URL, user@host:path, or a folder.
	Repo string
	// Rev is a branch, a tag or a commit. Empty: the branch that the repository calls its own.
	Rev string
	// Path is the file or folder, relative to the repository's root.
	Path string
	// Remote is the name of DVC's remote. Empty: the one that the repository's configuration names.
	Remote string
}

// Access is how the repository and its remotes are reached.
type Access struct {
	// Credentials is a folder with a file for each credential, see Keys. Empty: those of the environment.
	Credentials string
	// CABundle is a file of certificates, in PEM, that are trusted besides the public ones.
	CABundle string
	// Scratch is a folder for the clone of a repository, which is removed again. Empty: the system's.
	Scratch string
	// Bucket opens a bucket by its URI; nil refuses remotes in object stores. keys are credentials that DVC's configuration
	// holds, by their names in a folder of Credentials, which come after those.
	Bucket func(ctx context.Context, uri string, keys map[string]string) (Opener, error)
}

// Opener opens what a storage has under a name. Errors wrap dataset.ErrNotFound where there is nothing, and
// dataset.ErrCredentials where the storage refuses.
type Opener interface {
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// File is one file of a dataset.
type File struct {
	// Path is relative to the path of the dataset, with forward slashes; it never leads out.
	Path string
	// Size is its length in bytes, -1 if the repository doesn't say.
	Size int64
	// MD5 is its hash in hex: that of its bytes or, if Legacy is set, as NewLegacyHash computes it.
	MD5    string
	Legacy bool

	remote string // the out's own; empty: the dataset's
}

// Dataset is what one revision of a repository says of a path.
type Dataset struct {
	// Revision is the commit.
	Revision string

	location Location
	access   Access
	tree     *tree
	config   *config
	stores   stores
}

// Open finds the revision. Close must be called.
//
// Errors wrap dataset.ErrConfig, dataset.ErrNotFound, dataset.ErrInvalid or dataset.ErrCredentials where a person has to
// act; all others may pass.
func Open(ctx context.Context, location Location, access Access) (*Dataset, error) {
	if err := location.check(); err != nil {
		return nil, err
	}
	tree, err := openTree(ctx, location, access)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Revision: tree.revision, location: location, access: access, tree: tree}
	if d.config, err = tree.readConfig(location.Path); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.stores.open = d.openStore
	return d, nil
}

// Close removes what was cloned.
func (d *Dataset) Close() error { return d.tree.close() }

// String names the dataset in messages.
func (d *Dataset) String() string { return d.location.String() }

// List returns the files of the dataset.
func (d *Dataset) List(ctx context.Context) ([]File, error) {
	outs, err := d.tree.outs(d.config.root, clean(d.location.Path))
	if err != nil {
		return nil, err
	}
	var files []File
	for _, o := range outs {
		found, err := d.expand(ctx, o)
		if err != nil {
			return nil, err
		}
		if files = append(files, found...); len(files) > maxFiles {
			return nil, tooMuch("%s holds more than %d files", o, maxFiles)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: %v holds no files", dataset.ErrNotFound, d)
	}
	return files, checkPaths(files)
}

// Warnings are what people should know of the remotes that were read so far, a sentence each.
func (d *Dataset) Warnings() []string { return d.stores.warnings() }

// Open opens a file in DVC's storage.
func (d *Dataset) Open(ctx context.Context, f File) (io.ReadCloser, error) {
	store, err := d.store(ctx, f.remote)
	if err != nil {
		return nil, err
	}
	return store.open(ctx, f.MD5, f.Legacy)
}
