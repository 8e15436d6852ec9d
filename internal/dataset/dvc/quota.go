// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"errors"
	"os"
	"sync/atomic"

	"github.com/go-git/go-billy/v5"
)

var errCloneSize = errors.New("the repository is too large")

// limitedFS returns a file system that takes a number of bytes: a server may send without end.
func limitedFS(fs billy.Filesystem, most int64) billy.Filesystem {
	limited := &quotaFS{Filesystem: fs}
	limited.left.Store(most)
	return limited
}

type quotaFS struct {
	billy.Filesystem
	left atomic.Int64
}

func (q *quotaFS) limit(f billy.File, err error) (billy.File, error) {
	if err != nil {
		return nil, err
	}
	return &quotaFile{f, q}, nil
}

// Create implements billy.Basic.
func (q *quotaFS) Create(name string) (billy.File, error) { return q.limit(q.Filesystem.Create(name)) }

// OpenFile implements billy.Basic.
func (q *quotaFS) OpenFile(name string, flag int, perm os.FileMode) (billy.File, error) {
	return q.limit(q.Filesystem.OpenFile(name, flag, perm))
}

// TempFile implements billy.TempFile.
func (q *quotaFS) TempFile(dir, prefix string) (billy.File, error) {
	return q.limit(q.Filesystem.TempFile(dir, prefix))
}

type quotaFile struct {
	billy.File
	fs *quotaFS
}

// Write implements io.Writer.
func (f *quotaFile) Write(p []byte) (int, error) {
	if f.fs.left.Add(-int64(len(p))) < 0 {
		return 0, errCloneSize
	}
	return f.File.Write(p)
}
