// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// arrange turns the tree of a source into classes, and into the parts of a split
// where the folders are one.
func (w *walker) arrange(root *node) (dataset.Listing, error) {
	if w.folder.layout.Folders != nil {
		return w.arrangeParts(root)
	}
	if len(root.dirs) == 0 && len(root.broken) == 0 && len(root.files) > 0 {
		return dataset.Listing{}, fmt.Errorf("%w: %v has %d files but no class folders: %s", dataset.ErrInvalid, w.folder, len(root.files), dataset.FolderShape)
	}
	base, parts, err := w.findSplit(root)
	if err != nil {
		return dataset.Listing{}, err
	}
	var listing dataset.Listing
	if parts == nil {
		listing.Warnings = suspicions(root)
		if splitClasses(root) {
			listing.SplitBy = contract.SplitByNames
		}
		parts = []partFolder{{dataset.PartNone, root}}
	} else {
		listing.SplitBy = contract.SplitByNames
		if len(base.broken) > 0 {
			return dataset.Listing{}, w.lostClass(path.Join(base.path, base.broken[0]))
		}
		for n := root; n != base; n = n.dirs[0] {
			w.leaveFiles(n)
		}
		w.leaveFiles(base)
	}
	return w.list(listing, parts)
}

// list adds the classes of the parts to a listing.
func (w *walker) list(listing dataset.Listing, parts []partFolder) (dataset.Listing, error) {
	for _, part := range parts {
		if err := w.addClasses(&listing, part.dir, part.part); err != nil {
			return dataset.Listing{}, err
		}
	}
	listing.LeftOut = w.left.List()
	return listing, checkParts(w.folder, listing.Files)
}

// leaveFiles leaves out the files beside class folders.
func (w *walker) leaveFiles(n *node) {
	for _, name := range n.files {
		w.left.Add(dataset.CauseBesideClasses, path.Join(n.path, name))
	}
}

// addClasses adds each folder in parent as a class, whose images belong to part.
func (w *walker) addClasses(listing *dataset.Listing, parent *node, part dataset.Part) error {
	w.leaveFiles(parent)
	if len(parent.broken) > 0 {
		return w.lostClass(path.Join(parent.path, parent.broken[0]))
	}
	split := part == dataset.PartNone && splitClasses(parent)
	folders := map[string]string{} // by class
	for _, dir := range parent.dirs {
		class := dataset.ClassName(dir.name)
		if err := dataset.CheckClassName(class); err != nil {
			return fmt.Errorf("%w: %v has a class folder %q, whose name %w: rename it", dataset.ErrInvalid, w.folder, class, err)
		}
		if other, taken := folders[class]; taken {
			return fmt.Errorf("%w: %v has two folders for class %q, which differ in how its letters are encoded: move the images of %+q into %+q",
				dataset.ErrInvalid, w.folder, class, dir.path, other)
		}
		folders[class] = dir.path
		before := len(listing.Files)
		if split {
			for _, sub := range dir.dirs {
				listing.Files = sub.appendFiles(listing.Files, class, partOf(sub.name))
			}
		} else {
			listing.Files = dir.appendFiles(listing.Files, class, part)
		}
		if len(listing.Files) == before {
			listing.Empty = append(listing.Empty, dataset.File{Name: dir.path, Class: class, Part: part})
		}
	}
	return nil
}

// checkParts refuses a split that measures a class which nothing learns.
func checkParts(source dataset.Source, files []dataset.File) error {
	learned := map[string]bool{}
	for _, file := range files {
		learned[file.Class] = learned[file.Class] || file.Part == dataset.PartTrain
	}
	for _, file := range files {
		if file.Part != dataset.PartNone && !learned[file.Class] {
			return fmt.Errorf("%w: %v is split already, and its %v part has a class %q that its training part has not: name the classes alike in all parts",
				dataset.ErrInvalid, source, file.Part, file.Class)
		}
	}
	return nil
}

// suspicions are warnings of folders that may be meant otherwise than they are
// taken: the first kind that there is, as the others follow from it.
func suspicions(root *node) []string {
	for _, find := range []func(*node) []string{partlySplitClasses, sameFolders, loneParts} {
		if found := find(root); found != nil {
			return found
		}
	}
	return nil
}

// partlySplitClasses warns of a class folder with folders named as the parts of a
// split, which is learned as a whole because not all classes are split like that.
func partlySplitClasses(root *node) []string {
	if splitClasses(root) {
		return nil
	}
	for _, class := range root.dirs {
		names := map[dataset.Part]string{}
		for _, dir := range class.dirs {
			names[partOf(dir.name)] = dir.path
		}
		delete(names, dataset.PartNone)
		if train := names[dataset.PartTrain]; train != "" && len(names) > 1 {
			return []string{fmt.Sprintf(
				"folder %q is named as a part of a split but is not used as one: in each class folder, move everything into folders for training, validation and test", train)}
		}
	}
	return nil
}

// sameFolders warns of class folders that are no classes by the look of them:
// folds of a cross-validation, for one, each with the classes inside.
func sameFolders(root *node) []string {
	var first []string
	for i, class := range root.dirs {
		names := make([]string, len(class.dirs))
		for k, dir := range class.dirs {
			names[k] = dataset.ClassName(dir.name)
		}
		slices.Sort(names)
		if i == 0 {
			first = names
		}
		if len(class.files) > 0 || len(names) < 2 || !slices.Equal(names, first) {
			return nil
		}
	}
	if len(root.dirs) < 2 || splitClasses(root) {
		return nil
	}
	return []string{fmt.Sprintf("the class folders %q and %q hold the same folders, %q and %q: if those are the classes, give each one folder for all its images",
		root.dirs[0].name, root.dirs[1].name, first[0], first[1])}
}

// loneParts warns of class folders that are named as a part of a split and hold
// folders, as a part does whose counterpart has a name that isn't known.
func loneParts(root *node) []string {
	if len(root.dirs) < 2 || splitClasses(root) {
		return nil
	}
	var warnings []string
	for _, dir := range root.dirs {
		if partOf(dir.name) != dataset.PartNone && len(dir.dirs) > 1 && len(dir.files) == 0 {
			warnings = append(warnings, fmt.Sprintf(
				"folder %q is named as a part of a split and holds folders, but no other folder is named as one, so it is learned as a class: name the others as train, val or test, or move them away",
				dir.name))
		}
	}
	return warnings
}

// lostClass refuses a link that would be a class if it led somewhere: a model
// that knows one class fewer than it was meant to would pass every test.
func (w *walker) lostClass(link string) error {
	target, err := os.Readlink(w.folder.at(link))
	if err == nil {
		_, err = os.Stat(w.folder.at(link))
	}
	return fmt.Errorf("%w: %q in %v is a link to %q, which can't be followed: mount what it leads to, or remove the link: %w",
		dataset.ErrInvalid, link, w.folder, target, pathless(err))
}

// appendFiles appends every file below n.
func (n *node) appendFiles(files []dataset.File, class string, part dataset.Part) []dataset.File {
	for _, name := range slices.Concat(n.files, n.broken) {
		files = append(files, dataset.File{Name: path.Join(n.path, name), Class: class, Part: part})
	}
	for _, dir := range n.dirs {
		files = dir.appendFiles(files, class, part)
	}
	return files
}
