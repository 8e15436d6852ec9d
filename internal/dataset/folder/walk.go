// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// node is a folder of a source. Names are the file system's bytes.
type node struct {
	name string
	path string // below the source's root, with forward slashes; "" is the root
	real string // where it is on disk, without links
	// dirs are the folders in it, links to folders included; files is all else
	// that isn't passed over.
	dirs  []*node
	files []string
	// broken are the links in it that lead nowhere, which may stand for either.
	broken []string

	links []*node // to folders, before they are followed
}

// walker reads a folder with all that is in it. It follows links to wherever
// they lead, so that classes may lie on other disks, but reads no folder twice
// for one entry of the root.
type walker struct {
	folder folder
	real   string // the root without links
	left   dataset.LeftOutByCause
}

// walk returns the tree below the root.
func (w *walker) walk(ctx context.Context) (*node, error) {
	root := &node{real: w.real}
	if err := w.read(root); err != nil {
		return nil, err
	}
	links := root.links
	for _, link := range links {
		if w.holdsRoot(link) {
			w.left.Add(dataset.CauseLinkLoop, link.path)
			continue
		}
		root.dirs = append(root.dirs, link)
	}
	var dirs []*node
	for _, dir := range root.dirs {
		used, err := w.fill(ctx, dir)
		if err != nil {
			return nil, err
		}
		if used {
			dirs = append(dirs, dir)
		}
	}
	root.dirs = dirs
	return root, nil
}

// fill reads all that is below an entry of the root: what is there itself first,
// then what links lead to, so that a link never takes the place of a folder. It
// reports whether the entry is anything else than models that were published.
func (w *walker) fill(ctx context.Context, top *node) (used bool, err error) {
	seen := map[string]bool{}
	type pending struct{ parent, link *node }
	var (
		queue     []pending
		artifacts = 0
	)
	// add reads what is in n and adds it to its parent, if there is one.
	var add func(parent, n *node) error
	add = func(parent, n *node) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if seen[n.real] {
			w.left.Add(dataset.CauseLinkLoop, n.path)
			return nil
		}
		seen[n.real] = true
		if err := w.read(n); err != nil {
			return err
		}
		if n.isArtifact() {
			w.left.Add(dataset.CauseArtifact, n.path)
			artifacts++
			return nil
		}
		if parent != nil {
			parent.dirs = append(parent.dirs, n)
		}
		for _, link := range n.links {
			queue = append(queue, pending{n, link})
		}
		below := n.dirs
		n.dirs = nil
		for _, dir := range below {
			if err := add(n, dir); err != nil {
				return err
			}
		}
		return nil
	}
	if err := add(nil, top); err != nil {
		return false, err
	}
	for ; len(queue) > 0; queue = queue[1:] {
		parent, link := queue[0].parent, queue[0].link
		if w.holdsRoot(link) {
			w.left.Add(dataset.CauseLinkLoop, link.path)
			continue
		}
		if err := add(parent, link); err != nil {
			return false, err
		}
	}
	return artifacts == 0 || !top.isArtifact() && top.holdsFiles(), nil
}

// isArtifact reports whether a training run has published its model in n: data
// and models may share a volume.
func (n *node) isArtifact() bool {
	return slices.Contains(n.files, contract.ManifestFile) && slices.Contains(n.files, contract.ModelFile)
}

// holdsFiles reports whether there is any file in n or below.
func (n *node) holdsFiles() bool {
	return len(n.files)+len(n.broken) > 0 || slices.ContainsFunc(n.dirs, (*node).holdsFiles)
}

// holdsRoot reports whether a folder is the root or one above it.
func (w *walker) holdsRoot(n *node) bool {
	return n.real == w.real || strings.HasPrefix(w.real, strings.TrimSuffix(n.real, string(filepath.Separator))+string(filepath.Separator))
}

// read sorts the entries of one folder.
func (w *walker) read(n *node) error {
	entries, err := w.folder.tree.ReadDir(path.Clean(n.path))
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: folder %q in %v can't be read: allow the user who runs this to read it", dataset.ErrInvalid, n.path, w.folder)
	}
	if errors.Is(err, syscall.ENAMETOOLONG) {
		return fmt.Errorf("%w: folder %q in %v lies too deep to be read: move it up", dataset.ErrInvalid, dataset.Shown(shortened(n.path)), w.folder)
	}
	if err != nil {
		return fmt.Errorf("list folder %q in %v: %w", n.path, w.folder, pathless(err))
	}
	for _, entry := range entries {
		name := entry.Name()
		child := &node{name: name, path: path.Join(n.path, name)}
		if cause, ok := passedOver(name); ok {
			w.left.Add(cause, child.path)
			continue
		}
		switch {
		case entry.IsDir():
			child.real = filepath.Join(n.real, name)
			n.dirs = append(n.dirs, child)
		case entry.Type()&fs.ModeSymlink != 0:
			if err := w.readLink(n, child); err != nil {
				return err
			}
		default:
			n.files = append(n.files, name)
		}
	}
	return nil
}

// shortened is a path for a message, its end left out if it is long.
func shortened(name string) string {
	const longest = 200
	if len(name) <= longest {
		return name
	}
	return name[:longest] + "…"
}

// readLink sorts an entry of n that is a link by what is at its end.
func (w *walker) readLink(n, child *node) error {
	at := w.folder.at(child.path)
	info, err := os.Stat(at)
	switch {
	case dataset.LeadsNowhere(err), errors.Is(err, fs.ErrPermission):
		n.broken = append(n.broken, child.name)
		return nil
	case err != nil:
		return fmt.Errorf("follow link %q in %v: %w", child.path, w.folder, pathless(err))
	case !info.IsDir():
		n.files = append(n.files, child.name)
		return nil
	}
	if child.real, err = filepath.EvalSymlinks(at); err != nil {
		return fmt.Errorf("follow link %q in %v: %w", child.path, w.folder, pathless(err))
	}
	n.links = append(n.links, child)
	return nil
}

// pathless is what is wrong, without the path, which messages give as a name
// within the source.
func pathless(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
