// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package prune

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// InFolder returns the output in a folder.
func InFolder(root string) (*Place, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder", root)
	}
	return &Place{folder{root}}, nil
}

type folder struct{ root string }

func (d folder) at(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

func (d folder) names(context.Context) ([]string, error) {
	var names []string
	for _, pattern := range []string{"*/" + contract.ManifestFile, contract.CheckpointsDir + "/*/"} {
		matches, err := fs.Glob(os.DirFS(d.root), strings.TrimSuffix(pattern, "/"))
		if err != nil {
			return nil, err
		}
		for _, match := range matches {
			if path.Base(match) == contract.ManifestFile {
				match = path.Dir(match)
			}
			names = append(names, path.Base(match))
		}
	}
	return names, nil
}

func (d folder) files(ctx context.Context, name string) ([]file, error) {
	top, err := os.Lstat(d.at(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if !top.IsDir() {
		return []file{{name: name, irregular: true}}, nil
	}
	var files []file
	err = filepath.WalkDir(d.at(name), func(at string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		below, err := filepath.Rel(d.root, at)
		if err != nil {
			return err
		}
		files = append(files, file{name: filepath.ToSlash(below), size: info.Size(), modified: info.ModTime(), irregular: !entry.Type().IsRegular()})
		return nil
	})
	return files, err
}

func (d folder) read(_ context.Context, name string, most int64) ([]byte, error) {
	f, err := os.Open(d.at(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

func (d folder) remove(ctx context.Context, name string, files []string) error {
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := os.Remove(d.at(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// The folders that are empty now, the innermost first; the one around all checkpoints too.
	var folders []string
	err := filepath.WalkDir(d.at(name), func(at string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, at)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := len(folders) - 1; i >= 0; i-- {
		if err := os.Remove(folders[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if parent := path.Dir(name); parent != "." {
		_ = os.Remove(d.at(parent)) // fails while others have checkpoints
	}
	return nil
}
