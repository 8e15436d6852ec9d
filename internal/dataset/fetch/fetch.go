// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fetch keeps the files of a remote source on a disk: fetched side by side, verified while they arrive, and
// remembered by their content, so that later epochs, restarts and other runs read no network. A [Source] is a source of
// class folders over such files; a [Store] is where they lie.
package fetch

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// Remote is a place that is read over a network. Its methods may be called concurrently.
//
// Errors wrap dataset.ErrNotFound, dataset.ErrInvalid, dataset.ErrCredentials or dataset.ErrConfig where a person has to
// act; all others may pass, and what was asked is asked again.
type Remote interface {
	// List returns the files that there are, in any order.
	List(ctx context.Context) ([]File, error)
	// Open returns the content of a file that List returned, from its beginning.
	Open(ctx context.Context, file File) (io.ReadCloser, error)
	// String names the place in messages, without credentials. Files without a hash are remembered by it.
	String() string
	// Identity tells the place from all others, where String leaves out how it is reached. It is no text for people.
	Identity() string
}

// File is one file of a remote place.
type File struct {
	// Path is its path within the place, with forward slashes.
	Path string
	// Size is its length in bytes, -1 if that is unknown.
	Size int64
	// Hash is that of its content; zero if it is unknown.
	Hash Hash
	// Version is what the place calls this content, such as an ETag: another content at the same path has another one.
	// Empty if the place has no such word; a file that has neither hash nor version is fetched by each run anew.
	Version string
}

// Hash is the hash of a content.
type Hash struct {
	// Algorithm names it, such as md5.
	Algorithm string
	// Hex is the sum.
	Hex string
	// New computes it; nil means that of the algorithm's name, md5 or sha256.
	New func() hash.Hash `json:"-"`
}

// Names of the algorithms that need no function of their own.
const (
	MD5    = "md5"
	SHA256 = "sha256"
)

// new returns what computes the hash; nil if the hash is unknown.
func (h Hash) new() hash.Hash {
	switch {
	case h.Hex == "":
		return nil
	case h.New != nil:
		return h.New()
	case h.Algorithm == MD5:
		return md5.New()
	default:
		return sha256.New()
	}
}

// check refuses hashes that can't be computed or can't name a file.
func (h Hash) check() error {
	if h.Hex == "" {
		return nil
	}
	known := h.New != nil && h.Algorithm != "" && strings.Trim(h.Algorithm, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	if !known && h.Algorithm != MD5 && h.Algorithm != SHA256 {
		return fmt.Errorf("hash algorithm %q is not one that is computed here", h.Algorithm)
	}
	sum, err := hex.DecodeString(h.Hex)
	if err != nil || len(sum) != h.new().Size() {
		return fmt.Errorf("%q is no %s", h.Hex, h.Algorithm)
	}
	return nil
}

// isKnown tells whether the file will be the same file to another run.
func (f File) isKnown() bool { return f.Hash.Hex != "" || f.Version != "" }

// key names the content of a file below the folder of objects: by its hash or, without one, by its place and version. nonce
// stands for the version of what has none.
func (f File) key(place, nonce string) string {
	if f.Hash.Hex != "" {
		sum := strings.ToLower(f.Hash.Hex)
		return path.Join(f.Hash.Algorithm, sum[:2], sum[2:])
	}
	version := "version " + f.Version
	if f.Version == "" {
		version = "run " + nonce
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %q", place, f.Path, f.Size, version))
	name := hex.EncodeToString(sum[:])
	return path.Join("version", name[:2], name[2:])
}

// Bounds on a listing.
const (
	maxFiles     = 5_000_000
	maxPathBytes = 4000
)

// checkFiles refuses listings that can't become a folder.
func checkFiles(place string, files []File) error {
	if len(files) > maxFiles {
		return fmt.Errorf("%w: %s has %d files, at most %d are fetched: pack them into archives, or name a part of them",
			dataset.ErrInvalid, place, len(files), maxFiles)
	}
	seen := make(map[string]bool, len(files))
	for _, f := range files {
		switch {
		case !fs.ValidPath(strings.ToValidUTF8(f.Path, "_")) || f.Path == "." || strings.ContainsRune(f.Path, 0) || len(f.Path) > maxPathBytes:
			return fmt.Errorf("%w: %s has a file %q, whose name can't be one in a folder: rename it", dataset.ErrInvalid, place, f.Path)
		case seen[f.Path]:
			return fmt.Errorf("%w: %s lists %q twice", dataset.ErrInvalid, place, f.Path)
		}
		if err := f.Hash.check(); err != nil {
			return fmt.Errorf("%w: %s: %q: %w", dataset.ErrInvalid, place, f.Path, err)
		}
		seen[f.Path] = true
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if seen[dir] {
				return fmt.Errorf("%w: %s has %q both as a file and as a folder: rename one", dataset.ErrInvalid, place, dir)
			}
		}
	}
	return nil
}
