// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
)

// contents is what is in an archive, as a place to fetch files from: the folder that it is unpacked into. The store keeps them
// as those of any place, and their list by the archive's content.
type contents struct {
	archive *Archive
	file    File

	mu  sync.Mutex
	top string // where the archive is unpacked; empty if it isn't
}

var _ Remote = (*contents)(nil)

func (a *Archive) contentsOf(file File) *contents { return &contents{archive: a, file: file} }

// String implements Remote.
func (c *contents) String() string { return c.archive.String() }

// Identity implements Remote.
func (c *contents) Identity() string {
	return "contents of " + c.file.key(c.archive.remote.String(), c.archive.store.lease.id)
}

// recall returns the files that the store keeps of the archive, if it keeps all of them. They are in use from then on.
func (c *contents) recall() (files []File, kept bool, err error) {
	if !c.file.isKnown() {
		return nil, false, nil
	}
	old, _, err := c.archive.store.recall(c)
	if err != nil { // there is no list, or none that can be read
		return nil, false, nil
	}
	kept, err = c.archive.store.claim(c, old.Files)
	return old.Files, kept, err
}

// errNotKept says that the store isn't asked to keep what is in an archive.
var errNotKept = errors.New("not kept")

// keep moves what was unpacked into a folder to the store, and returns it. The archive itself makes room for it if need be.
// After an error the folder is as it was.
func (c *contents) keep(ctx context.Context, top string) (files []File, err error) {
	store := c.archive.store
	if store.opts.Scratch || !c.file.isKnown() {
		return nil, errNotKept
	}
	c.setTop(top)
	if files, err = c.List(ctx); err != nil {
		return nil, err
	}
	if err := store.release(c.archive.remote, []File{c.file}); err != nil {
		return nil, err
	}
	_, err = store.Fetch(ctx, c, files)
	if err == nil {
		err = store.remember(c, listed{Files: files})
	}
	if err != nil {
		return nil, errors.Join(err, store.release(c, files))
	}
	c.setTop("")
	_ = os.RemoveAll(c.archive.dir) // what stays goes with the scratch space
	return files, nil
}

// List implements Remote. A folder without a file, which a list of files can't have, may be a class without an image: it is
// an error.
func (c *contents) List(ctx context.Context) (files []File, err error) {
	top, err := c.unpacked(ctx)
	if err != nil {
		return nil, err
	}
	var folders []string
	filled := map[string]bool{}
	err = filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		name, err := filepath.Rel(top, at)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			folders = append(folders, name)
			return nil
		}
		sum, size, err := sumFile(at)
		files = append(files, File{Path: name, Size: size, Hash: Hash{Algorithm: SHA256, Hex: sum}})
		for dir := path.Dir(name); !filled[dir]; dir = path.Dir(dir) {
			filled[dir] = true
		}
		return err
	})
	for _, dir := range folders {
		if err == nil && !filled[dir] {
			err = fmt.Errorf("folder %q in it holds no file: remove the folder", dir)
		}
	}
	return files, err
}

// Open implements Remote.
func (c *contents) Open(ctx context.Context, file File) (io.ReadCloser, error) {
	top, err := c.unpacked(ctx)
	if err != nil {
		return nil, err
	}
	return os.Open(filepath.Join(top, filepath.FromSlash(file.Path)))
}

func (c *contents) setTop(top string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.top = top
}

// unpacked returns the folder that the archive is unpacked into, again if what it had went to the store and a file is missing there.
func (c *contents) unpacked(ctx context.Context) (top string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.top == "" {
		if top, err = c.archive.unpack(ctx, c.file); err != nil {
			return "", errors.Join(err, os.RemoveAll(c.archive.dir))
		}
		c.top = top
	}
	return c.top, nil
}

func sumFile(at string) (sum string, size int64, err error) {
	file, err := os.Open(at)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	hash := sha256.New()
	size, err = io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)), size, err
}
