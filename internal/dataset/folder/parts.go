// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// partWords are what folders of a split are called.
var partWords = map[string]dataset.Part{
	"train": dataset.PartTrain, "training": dataset.PartTrain, "trn": dataset.PartTrain, "trainval": dataset.PartTrain,
	"val": dataset.PartValidation, "valid": dataset.PartValidation, "validation": dataset.PartValidation, "validate": dataset.PartValidation,
	"dev": dataset.PartValidation, "development": dataset.PartValidation, "eval": dataset.PartValidation, "evaluation": dataset.PartValidation,
	"test": dataset.PartTest, "testing": dataset.PartTest, "tst": dataset.PartTest, "holdout": dataset.PartTest, "heldout": dataset.PartTest,
}

// fillerWords say nothing about what is in a folder of images.
var fillerWords = map[string]bool{
	"set": true, "sets": true, "data": true, "dataset": true, "datasets": true, "image": true, "images": true, "img": true,
	"imgs": true, "picture": true, "pictures": true, "photo": true, "photos": true, "file": true, "files": true, "folder": true,
	"split": true, "part": true, "sample": true, "samples": true, "class": true, "classes": true, "seg": true,
}

// meaning is a folder's name without case, digits, punctuation and filler words:
// "train" for Train, training_set's is "training", seg_test1's "test", and
// that of "images" is empty.
func meaning(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) })
	var rest strings.Builder
	for _, word := range words {
		if fillerWords[word] {
			continue
		}
		for _, filler := range []string{"dataset", "data", "set", "images"} { // trainset
			if part := strings.TrimSuffix(word, filler); partWords[part] != dataset.PartNone {
				word = part
			}
		}
		rest.WriteString(word)
	}
	return rest.String()
}

// partOf returns the part that a folder is named as, if it is.
func partOf(name string) dataset.Part { return partWords[meaning(name)] }

// partFolder is a folder that holds the class folders of a part.
type partFolder struct {
	part dataset.Part
	dir  *node
}

// findSplit returns the folder at or below root that is split already, and its
// parts; there are none in a source that isn't. Archives often wrap what they
// hold in one folder more.
func (w *walker) findSplit(root *node) (*node, []partFolder, error) {
	for base := root; ; base = base.dirs[0] {
		parts, err := w.parts(base)
		if err != nil || parts != nil {
			return base, parts, err
		}
		if len(base.dirs) != 1 || len(base.broken) > 0 {
			return nil, nil, nil
		}
	}
}

// parts returns the parts that the folders in base are. They are parts if they
// are named so and hold folders, which training and test alone may as well be
// called that aren't.
func (w *walker) parts(base *node) ([]partFolder, error) {
	byPart := map[dataset.Part][]*node{}
	for _, dir := range base.dirs {
		part := partOf(dir.name)
		byPart[part] = append(byPart[part], dir)
	}
	others := byPart[dataset.PartNone]
	delete(byPart, dataset.PartNone)
	if len(byPart) < 2 {
		return nil, nil
	}
	train := byPart[dataset.PartTrain]
	if len(train) == 0 || len(train[0].dirs) == 0 {
		if len(others) > 0 { // a class named as a part is one like the others
			return nil, nil
		}
		return nil, w.halfSplit(base, train)
	}
	var parts []partFolder
	for _, part := range []dataset.Part{dataset.PartTrain, dataset.PartValidation, dataset.PartTest} {
		dirs := byPart[part]
		if len(dirs) > 1 {
			return nil, fmt.Errorf("%w: %v is split already, and both %q and %q are its %v part: move the images of one into the other",
				dataset.ErrInvalid, w.folder, dirs[0].path, dirs[1].path, part)
		}
		for _, dir := range dirs {
			dir = unwrapPart(dir, part)
			if len(dir.dirs) == 0 && len(dir.broken) == 0 {
				w.left.Add(dataset.CauseNoClassFolders, dir.path)
				continue
			}
			parts = append(parts, partFolder{part, dir})
		}
	}
	for _, other := range others {
		w.left.Add(dataset.CauseBesideSplit, other.path)
	}
	return parts, nil
}

// unwrapPart skips a folder in a part's that is named as the part again, or says
// nothing, and holds the class folders.
func unwrapPart(dir *node, part dataset.Part) *node {
	for len(dir.dirs) == 1 && len(dir.broken) == 0 {
		inner := dir.dirs[0]
		if what := meaning(inner.name); what != "" && partWords[what] != part || len(inner.dirs) == 0 {
			break
		}
		dir = inner
	}
	return dir
}

// halfSplit refuses folders that are named as a split's parts and can't be used
// as such: nobody wants a model that tells training images from test images.
func (w *walker) halfSplit(base *node, train []*node) error {
	names := make([]string, len(base.dirs))
	for i, dir := range base.dirs {
		names[i] = fmt.Sprintf("%q", dir.path)
	}
	what := "none of them is for training"
	if len(train) > 0 {
		what = fmt.Sprintf("%q holds no class folders", train[0].path)
	}
	return fmt.Errorf("%w: the folders %s in %v are named as the parts of a split, but %s: give each part one folder for each class, or rename them if they are the classes",
		dataset.ErrInvalid, strings.Join(names, " and "), w.folder, what)
}

// splitClasses reports whether each class folder in root is split: cat/train,
// cat/test, dog/train, dog/test.
func splitClasses(root *node) bool {
	found := map[dataset.Part]bool{}
	for _, class := range root.dirs {
		if len(class.dirs) == 0 || len(class.files) > 0 || len(class.broken) > 0 {
			return false
		}
		for _, dir := range class.dirs {
			found[partOf(dir.name)] = true
		}
	}
	return found[dataset.PartTrain] && (found[dataset.PartValidation] || found[dataset.PartTest]) && !found[dataset.PartNone]
}
