// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"fmt"
	"path"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// arrangeParts lists the folders that the configuration names as the parts of a split, and leaves out what is beside them.
func (w *walker) arrangeParts(root *node) (dataset.Listing, error) {
	parts, err := w.namedParts(root)
	if err != nil {
		return dataset.Listing{}, err
	}
	w.leaveBeside(root, parts)
	return w.list(dataset.Listing{SplitBy: contract.SplitByFolders}, parts)
}

// namedParts are the folders that the configuration names as parts.
func (w *walker) namedParts(root *node) ([]partFolder, error) {
	folders := w.folder.layout.Folders
	var parts []partFolder
	for _, named := range []struct {
		field, path string
		part        dataset.Part
	}{{"train", folders.Train, dataset.PartTrain}, {"validation", folders.Validation, dataset.PartValidation}, {"test", folders.Test, dataset.PartTest}} {
		if named.path == "" {
			continue
		}
		dir := root.find(path.Clean(named.path))
		switch {
		case dir == nil:
			return nil, fmt.Errorf("%w: split.folders.%s: there is no folder %q in %v: name it by its path within that",
				dataset.ErrNotFound, named.field, shownPath(named.path), w.folder)
		case len(dir.dirs)+len(dir.broken) == 0:
			return nil, fmt.Errorf("%w: split.folders.%s: %q in %v holds no class folders: %s",
				dataset.ErrInvalid, named.field, shownPath(named.path), w.folder, dataset.FolderShape)
		}
		for _, other := range parts {
			if dir.holds(other.dir) || other.dir.holds(dir) {
				return nil, fmt.Errorf("%w: split.folders: %q and %q in %v have images in common: name a folder of its own for each part",
					dataset.ErrInvalid, other.dir.path, dir.path, w.folder)
			}
		}
		parts = append(parts, partFolder{named.part, dir})
	}
	return parts, nil
}

// find returns the folder at a clean path below n, or nil.
func (n *node) find(name string) *node {
	if name == "." {
		return n
	}
	first, rest, _ := strings.Cut(name, "/")
	for _, dir := range n.dirs {
		if dataset.ClassName(dir.name) == dataset.ClassName(first) {
			return dir.find(path.Clean(rest))
		}
	}
	return nil
}

// holds reports whether a folder is n, or below it.
func (n *node) holds(other *node) bool {
	return n.path == "" || n.path == other.path || strings.HasPrefix(other.path, n.path+"/")
}

// leaveBeside leaves out what is in n and in none of the parts.
func (w *walker) leaveBeside(n *node, parts []partFolder) {
	above := false
	for _, part := range parts {
		if part.dir == n {
			return
		}
		above = above || n.holds(part.dir)
	}
	if !above {
		w.left.Add(dataset.CauseBesideSplit, n.path)
		return
	}
	w.leaveFiles(n)
	for _, link := range n.broken {
		w.left.Add(dataset.CauseNotFound, path.Join(n.path, link))
	}
	for _, dir := range n.dirs {
		w.leaveBeside(dir, parts)
	}
}
