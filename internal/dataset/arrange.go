// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// arrange turns the tree of a source into classes.
func (w *walker) arrange(root *node) (Listing, error) {
	for _, name := range root.files {
		w.left.add(CauseBesideClasses, name)
	}
	if len(root.dirs) == 0 && len(root.broken) == 0 && len(root.files) > 0 {
		return Listing{}, fmt.Errorf("%w: %v has %d files but no class folders: %s", ErrInvalid, w.folder, len(root.files), folderShape)
	}
	var listing Listing
	if err := w.addClasses(&listing, root); err != nil {
		return Listing{}, err
	}
	listing.LeftOut = w.left.list()
	return listing, nil
}

// addClasses adds each folder in parent as a class.
func (w *walker) addClasses(listing *Listing, parent *node) error {
	if len(parent.broken) > 0 {
		return w.lostClass(path.Join(parent.path, parent.broken[0]))
	}
	folders := map[string]string{} // by class
	for _, dir := range parent.dirs {
		class := ClassName(dir.name)
		if err := checkClassName(w.folder, class); err != nil {
			return err
		}
		if other, taken := folders[class]; taken {
			return fmt.Errorf("%w: %v has two folders for class %q, which differ in how its letters are encoded: move the images of %+q into %+q",
				ErrInvalid, w.folder, class, dir.path, other)
		}
		folders[class] = dir.path
		before := len(listing.Files)
		listing.Files = dir.appendFiles(listing.Files, class)
		if len(listing.Files) == before {
			listing.Empty = append(listing.Empty, class)
		}
	}
	return nil
}

// lostClass refuses a link that would be a class if it led somewhere: a model
// that knows one class fewer than it was meant to would pass every test.
func (w *walker) lostClass(link string) error {
	target, err := os.Readlink(w.folder.at(link))
	if err == nil {
		_, err = os.Stat(w.folder.at(link))
	}
	return fmt.Errorf("%w: %q in %v is a link to %q, which can't be followed: mount what it leads to, or remove the link: %w",
		ErrInvalid, link, w.folder, target, pathless(err))
}

// appendFiles appends every file below n.
func (n *node) appendFiles(files []File, class string) []File {
	for _, name := range slices.Concat(n.files, n.broken) {
		files = append(files, File{Name: path.Join(n.path, name), Class: class})
	}
	for _, dir := range n.dirs {
		files = dir.appendFiles(files, class)
	}
	return files
}

// similarClasses warns of classes that people take for one.
func similarClasses(classes []string) []string {
	var warnings []string
	seen := map[string]string{}
	for _, class := range classes {
		key := strings.ToLower(strings.TrimSpace(class))
		if other, taken := seen[key]; taken {
			warnings = append(warnings, fmt.Sprintf(
				"classes %q and %q differ only in letter case or spaces and are learned as two: if they are one, move the images into one folder", other, class))
		}
		seen[key] = class
	}
	return warnings
}
