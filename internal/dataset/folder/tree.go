// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Tree is what a folder consists of, on a disk or elsewhere. Names are paths as those of io/fs, except that their bytes need
// not be UTF-8. Only one on a disk may have links.
type Tree interface {
	fs.ReadDirFS
	fs.StatFS
}

// disk is a folder on a disk, by its absolute path. Links are followed.
type disk string

var _ Tree = disk("")

// at is where a name is.
func (d disk) at(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

// Open implements fs.FS.
func (d disk) Open(name string) (fs.File, error) {
	file, err := os.Open(d.at(name))
	if err != nil {
		return nil, err
	}
	return file, nil
}

// ReadDir implements fs.ReadDirFS.
func (d disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(d.at(name)) }

// Stat implements fs.StatFS.
func (d disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(d.at(name)) }
