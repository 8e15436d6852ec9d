// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// Bounds on what a repository may make us read.
const (
	maxPointerBytes  = 64 << 20 // of a .dvc, dvc.lock or dvc.yaml
	maxConfigBytes   = 1 << 20
	maxManifestBytes = 1 << 30
	maxFiles         = 5_000_000
	maxPointers      = 10_000
	maxEntries       = 1_000_000 // of the repository's folders
	maxDepth         = 200
	maxOuts          = 100_000
	maxPathBytes     = 4000
	maxCloneBytes    = 4 << 30
)

// invalid is a dataset that has to be mended by somebody.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{dataset.ErrInvalid}, args...)...)
}

func tooMuch(format string, args ...any) error { return invalid(format, args...) }

// check refuses locations that can't be.
func (l Location) check() error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: dataset.dvc."+format, append([]any{dataset.ErrConfig}, args...)...)
	}
	switch u, err := url.Parse(l.Repo); {
	case l.Repo == "":
		return refuse("repo is empty: name a Git repository")
	case strings.Contains(l.Repo, "://") && err != nil:
		return refuse("repo can't be parsed as a URL") // the error would repeat what may be secret
	case err == nil && u.Scheme == "http":
		return refuse("repo begins with http://, which anybody on the way can change: use https://")
	case err == nil && u.User != nil && u.Scheme == "https":
		return refuse("repo holds a user name or password: put them into the credentials")
	}
	if err := checkRelative(l.Path); err != nil && clean(l.Path) != "." {
		return refuse("path %w", err)
	}
	return nil
}

// String names the dataset, without credentials.
func (l Location) String() string {
	repo := l.Repo
	if u, err := url.Parse(repo); err == nil && u.User != nil {
		repo = u.Redacted()
	}
	rev := l.Rev
	if rev == "" {
		rev = "HEAD"
	}
	return fmt.Sprintf("%q of DVC repository %s at %s", clean(l.Path), repo, rev)
}

// clean is a path within the repository in its shortest form; the root is ".".
func clean(p string) string { return path.Clean(strings.TrimSuffix(p, "/")) }

// checkRelative refuses paths that lead out of a folder, or that no file can have.
func checkRelative(p string) error {
	switch {
	case p == "":
		return fmt.Errorf("is empty")
	case len(p) > maxPathBytes:
		return fmt.Errorf("has %d bytes, at most %d can be", len(p), maxPathBytes)
	case strings.HasPrefix(p, "/"), strings.Contains(p, ":\\"):
		return fmt.Errorf("%q is absolute", p)
	case strings.ContainsAny(p, "\x00\\"), !utf8.ValidString(p):
		return fmt.Errorf("%q holds bytes that no name should", p)
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return fmt.Errorf("%q leads out of its folder", p)
		}
	}
	return nil
}

// checkPaths refuses files that can't lie in one folder.
func checkPaths(files []File) error {
	seen := make(map[string]bool, len(files))
	for _, f := range files {
		if seen[f.Path] {
			return invalid("the repository lists %q twice", f.Path)
		}
		seen[f.Path] = true
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if seen[dir] {
				return invalid("the repository lists %q both as a file and as a folder", dir)
			}
		}
	}
	return nil
}

// within returns p relative to base, and whether it lies there.
func within(base, p string) (string, bool) {
	switch base {
	case ".":
		return p, true
	case p:
		return ".", true
	}
	return strings.CutPrefix(p, base+"/")
}
