// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"cmp"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

// tree is the folder that files of a remote place are. It is known from their list; their content lies in a store.
type tree struct {
	files map[string]File          // by path
	dirs  map[string][]fs.DirEntry // what is in each folder, by its path
	at    func(File) string        // where a file's content lies
}

var _ folder.Tree = (*tree)(nil)

func newTree(files []File, at func(File) string) *tree {
	t := &tree{files: make(map[string]File, len(files)), dirs: map[string][]fs.DirEntry{".": nil}, at: at}
	for _, f := range files {
		t.files[f.Path] = f
		t.add(node{path: f.Path, size: f.Size})
	}
	for _, entries := range t.dirs {
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	}
	return t
}

// add adds a file or a folder to the folder that it is in, and that to its own if it is new.
func (t *tree) add(n node) {
	dir := path.Dir(n.path)
	if _, known := t.dirs[dir]; !known {
		t.add(node{path: dir, dir: true})
	}
	t.dirs[dir] = append(t.dirs[dir], fs.FileInfoToDirEntry(n))
	if n.dir {
		t.dirs[n.path] = nil
	}
}

// Open implements fs.FS.
func (t *tree) Open(name string) (fs.File, error) {
	f, ok := t.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	}
	file, err := os.Open(t.at(f))
	if err != nil {
		return nil, err
	}
	return file, nil
}

// ReadDir implements fs.ReadDirFS.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, ok := t.dirs[name]
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOENT}
	}
	return slices.Clone(entries), nil
}

// Stat implements fs.StatFS. It says what the list says, and looks into the store only where that doesn't say the size.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	if f, ok := t.files[name]; ok {
		if f.Size < 0 {
			return os.Stat(t.at(f))
		}
		return node{path: name, size: f.Size}, nil
	}
	if _, ok := t.dirs[name]; ok {
		return node{path: name, dir: true}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: syscall.ENOENT}
}

// node is a file or a folder of a tree. It implements fs.FileInfo.
type node struct {
	path string
	size int64
	dir  bool
}

func (n node) Name() string     { return path.Base(n.path) }
func (n node) Size() int64      { return n.size }
func (n node) IsDir() bool      { return n.dir }
func (node) ModTime() time.Time { return time.Time{} }
func (node) Sys() any           { return nil }

func (n node) Mode() fs.FileMode {
	if n.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
