// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// entry is a line of the manifest of a folder.
type entry struct {
	MD5     string `json:"md5"`
	RelPath string `json:"relpath"`
}

// expand returns the files of an out.
func (d *Dataset) expand(ctx context.Context, o out) ([]File, error) {
	if !strings.HasSuffix(o.md5, dirSuffix) {
		if o.below != "." {
			return nil, fmt.Errorf("%w: %v is a file", errNoOut, o)
		}
		return []File{{Path: o.under, Size: o.size, MD5: o.md5, Legacy: o.legacy, remote: o.remote}}, nil
	}
	entries, err := d.manifest(ctx, o)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, e := range entries {
		if err := checkRelative(e.RelPath); err != nil {
			return nil, invalid("the manifest of %v: path %w", o, err)
		}
		if err := checkSum(fmt.Sprintf("%q in the manifest of %v", e.RelPath, o), e.MD5); err != nil {
			return nil, err
		}
		name, ok := within(o.below, path.Clean(e.RelPath))
		if !ok {
			continue
		}
		if name == "." { // a file of the folder was asked for
			name = path.Base(o.below)
		}
		files = append(files, File{Path: path.Join(o.under, name), Size: -1, MD5: e.MD5, Legacy: o.legacy, remote: o.remote})
	}
	return files, nil
}

// manifest reads the list of a folder's files and verifies it. Folders are small beside what they list.
func (d *Dataset) manifest(ctx context.Context, o out) ([]entry, error) {
	r, err := d.Open(ctx, File{MD5: o.md5, Legacy: o.legacy, remote: o.remote})
	if err != nil {
		return nil, fmt.Errorf("read the manifest of %v: %w", o, err)
	}
	defer r.Close()
	sum := md5.New()
	counted := &bounded{r: io.TeeReader(r, sum), left: maxManifestBytes}
	entries, err := decodeManifest(counted)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, tooMuch("the manifest of %v has more than %d bytes", o, maxManifestBytes)
	case errors.Is(err, errEntries):
		return nil, tooMuch("the manifest of %v lists more than %d files", o, maxFiles)
	case err != nil && counted.err != nil: // of the storage
		return nil, fmt.Errorf("read the manifest of %v: %w", o, err)
	case err != nil:
		return nil, invalid("the manifest of %v is no list of files: %s", o, shorten(err.Error()))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got+dirSuffix != o.md5 {
		return nil, invalid("the manifest of %v has MD5 %s, not %s: it is damaged in the remote; run `dvc push` from where the data are", o, got, strings.TrimSuffix(o.md5, dirSuffix))
	}
	return entries, nil
}

var (
	errTooLarge = errors.New("too large")
	errEntries  = errors.New("too many entries")
)

// decodeManifest reads entries one by one, so that it holds no more than it may.
func decodeManifest(r io.Reader) ([]entry, error) {
	decoder := json.NewDecoder(r)
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return nil, errors.Join(errors.New("it doesn't begin with ["), err)
	}
	var entries []entry
	for decoder.More() {
		if len(entries) == maxFiles {
			return nil, errEntries
		}
		var e entry
		if err := decoder.Decode(&e); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	return entries, nil
}

// bounded is a reader that fails past a bound, and remembers an error of what it reads.
type bounded struct {
	r    io.Reader
	left int64
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}
