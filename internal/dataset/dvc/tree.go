// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// tree is one revision of a repository.
type tree struct {
	name     Location
	revision string
	root     *object.Tree
	folder   string // of the repository, if it is on this machine
	close    func() error
}

// errNoOut says that DVC keeps nothing at a path.
var errNoOut = fmt.Errorf("%w: DVC keeps nothing there", dataset.ErrNotFound)

// find returns the entry of a path, or nil. Links are never followed.
func (t *tree) find(p string) (*object.TreeEntry, error) {
	if dir := path.Dir(p); dir != "." { // Git reports a link above as an object that is missing
		if above, err := t.find(dir); err != nil || above == nil {
			return nil, err
		}
	}
	entry, err := t.root.FindEntry(p)
	switch {
	case errors.Is(err, object.ErrEntryNotFound), errors.Is(err, object.ErrDirectoryNotFound):
		return nil, nil
	case err != nil:
		return nil, invalid("%v: %q can't be read from Git: %s", t.name, p, shorten(err.Error()))
	case entry.Mode == filemode.Symlink:
		return nil, invalid("%v: %q is a symbolic link in Git: links are not followed, commit the file itself", t.name, p)
	}
	return entry, nil
}

func (t *tree) isDir(p string) (bool, error) {
	entry, err := t.find(p)
	return err == nil && entry != nil && entry.Mode == filemode.Dir, err
}

// open opens a file within a bound; nil if there is none.
func (t *tree) open(p string, most int64) (io.ReadCloser, error) {
	entry, err := t.find(p)
	if err != nil || entry == nil {
		return nil, err
	}
	file, err := t.root.TreeEntryFile(entry)
	if err != nil {
		return nil, invalid("%v: %q is no file in Git", t.name, p)
	}
	if file.Size > most {
		return nil, tooMuch("%v: %q has %d bytes, at most %d are read", t.name, p, file.Size, most)
	}
	return file.Reader()
}

// decode reads a YAML file; it reports whether there is one.
func (t *tree) decode(p string, into any) (bool, error) {
	r, err := t.open(p, maxPointerBytes)
	if err != nil || r == nil {
		return false, err
	}
	defer r.Close()
	return true, decode(p, r, into)
}

// readLocal reads a text. What a repository on this machine leaves out of Git is read from its folder.
func (t *tree) readLocal(p string, most int64) (string, error) {
	r, err := t.open(p, most)
	if err != nil {
		return "", err
	}
	if r == nil && t.folder != "" && path.Base(p) == localFile {
		f, err := os.Open(filepath.Join(t.folder, filepath.FromSlash(p)))
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		r = f
	}
	if r == nil {
		return "", nil
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, most))
	return string(text), err
}

// outs returns what DVC keeps at a path of the repository: one out, a part of one, or all that lie below it. A pointer that
// can't be read counts only if it may be about that path.
func (t *tree) outs(root, wanted string) ([]out, error) {
	pointers, err := t.pointers(root)
	if err != nil {
		return nil, err
	}
	var found []out
	var broken error
	for _, file := range pointers {
		outs, err := t.read(root, file, wanted)
		if err != nil {
			if pointerOf(file, wanted) {
				return nil, err
			}
			broken = errors.Join(broken, err)
			continue
		}
		if found = append(found, outs...); len(found) > maxOuts {
			return nil, tooMuch("%v: more than %d outs lie there", t.name, maxOuts)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case broken != nil:
		return nil, broken
	default:
		return nil, fmt.Errorf("%v: %w: check dataset.dvc.path and the revision", t.name, errNoOut)
	}
}

// pointerOf tells whether a pointer must be about a path by its name.
func pointerOf(file, wanted string) bool {
	about := strings.TrimSuffix(file, pointerExt)
	_, below := within(wanted, about)
	_, above := within(about, wanted)
	return path.Ext(file) == pointerExt && (below || above) && wanted != "."
}

// pointers returns the .dvc files and dvc.locks of a DVC repository, sorted.
func (t *tree) pointers(root string) ([]string, error) {
	top := t.root
	if root != "." {
		var err error
		if top, err = t.root.Tree(root); err != nil {
			return nil, invalid("%v: %q can't be read from Git", t.name, root)
		}
	}
	w := &pointerWalk{tree: t}
	if err := w.walk(top, root, 0); err != nil {
		return nil, err
	}
	slices.Sort(w.found)
	return w.found, nil
}

// pointerWalk walks the folders of a repository within bounds.
type pointerWalk struct {
	tree    *tree
	found   []string
	entries int
}

func (w *pointerWalk) walk(dir *object.Tree, at string, depth int) error {
	if depth > maxDepth {
		return tooMuch("%v: its folders are deeper than %d", w.tree.name, maxDepth)
	}
	if w.entries += len(dir.Entries); w.entries > maxEntries {
		return tooMuch("%v: Git has more than %d files: keep them in DVC", w.tree.name, maxEntries)
	}
	for _, e := range dir.Entries {
		p := path.Join(at, e.Name)
		isPointer := e.Name == lockFile || path.Ext(e.Name) == pointerExt && e.Name != dvcDir
		switch {
		case e.Mode == filemode.Dir && e.Name == dvcDir:
		case e.Mode == filemode.Dir:
			sub, err := w.tree.root.Tree(p)
			if err != nil {
				return invalid("%v: folder %q can't be read from Git", w.tree.name, p)
			}
			if err := w.walk(sub, p, depth+1); err != nil {
				return err
			}
		case isPointer:
			if w.found = append(w.found, p); len(w.found) > maxPointers {
				return tooMuch("%v: more than %d .dvc files", w.tree.name, maxPointers)
			}
		}
	}
	return nil
}

// read returns the outs of a pointer that lie at or below a path, or that it lies in.
func (t *tree) read(root, file, wanted string) ([]out, error) {
	if path.Base(file) == lockFile {
		return t.readLock(root, file, wanted)
	}
	var d document
	found, err := t.decode(file, &d)
	if err != nil || !found {
		return nil, err
	}
	if len(d.Outs) == 0 {
		return nil, invalid("%s names no outs", file)
	}
	return d.outs(root, file, d.WDir, wanted)
}

// readLock reads a dvc.lock, whose paths are relative to the working folders that the dvc.yaml beside it states.
func (t *tree) readLock(root, file, wanted string) ([]out, error) {
	var l lock
	if _, err := t.decode(file, &l); err != nil {
		return nil, err
	}
	if schema := fmt.Sprint(l.Schema); schema != "2.0" && schema != "2" {
		return nil, invalid("%s has the schema %q: 2.0 is read; run `dvc repro` and `dvc commit` with DVC 2 or later", file, shorten(schema))
	}
	beside := path.Join(path.Dir(file), pipelineFile)
	var p pipeline
	found, err := t.decode(beside, &p)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, invalid("%s has no %s beside it", file, pipelineFile)
	}
	var outs []out
	for name, stage := range l.Stages {
		generic, _, _ := strings.Cut(name, "@")
		known, ok := p.Stages[name]
		if !ok {
			known, ok = p.Stages[generic]
		}
		if !ok {
			continue // DVC passes over what was removed from dvc.yaml
		}
		wdir := known.WDir
		if wdir == "" {
			wdir = known.Do.WDir
		}
		if strings.Contains(wdir, "${") {
			return nil, invalid("stage %q of %s has the working folder %q, which depends on parameters: give it a fixed one", name, beside, shorten(wdir))
		}
		below, err := stage.outs(root, file, wdir, wanted)
		if err != nil {
			return nil, err
		}
		outs = append(outs, below...)
	}
	return outs, nil
}

// outs returns the outs of a document that have to do with a path.
func (d document) outs(root, file, wdir, wanted string) ([]out, error) {
	if len(d.Outs) > maxOuts {
		return nil, tooMuch("%s names more than %d outs", file, maxOuts)
	}
	var outs []out
	for _, e := range d.Outs {
		at, err := place(root, file, wdir, e.Path)
		if err != nil {
			return nil, err
		}
		under, isBelow := within(wanted, at)
		below, isAbove := within(at, wanted)
		if !isBelow && !isAbove {
			continue
		}
		o, err := d.read(file, at, e)
		if err != nil {
			return nil, err
		}
		o.under, o.below = under, "."
		if isAbove && !isBelow {
			o.under, o.below = ".", below
		}
		if at == wanted && !strings.HasSuffix(o.md5, dirSuffix) {
			o.under = path.Base(at) // a single file keeps its name
		}
		outs = append(outs, o)
	}
	return outs, nil
}
