// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bucket knows the places of images that lie elsewhere: a folder of class folders in an object store, or an archive
// of one in an object store or on a web server. Package fetch brings them here.
package bucket

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/archive"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
)

// Open returns the place that a URI names, which is a folder of class folders or an archive of one. Nothing is asked of it
// yet. It stays open until the program ends.
func Open(ctx context.Context, uri string, access contract.Access) (place fetch.Remote, isArchive bool, err error) {
	if err := contract.CheckDatasetURI(uri); err != nil {
		return nil, false, fmt.Errorf("%w: %w", dataset.ErrConfig, err)
	}
	u, err := url.Parse(uri)
	if err != nil {
		return nil, false, fmt.Errorf("%w: the URI can't be parsed", dataset.ErrConfig)
	}
	if u.Scheme == contract.SchemeHTTPS {
		return &page{url: u, access: access}, true, nil
	}
	shown := *u
	shown.RawQuery = "" // says how the place is reached
	if !isPacked(u.Path) {
		bucket, err := objectstore.Open(ctx, uri, access)
		return &objects{bucket: bucket, uri: uri, shown: shown.String()}, false, Classify(err)
	}
	above := *u
	var name string
	above.Path, name = path.Split(u.Path)
	bucket, err := objectstore.Open(ctx, above.String(), access)
	return &object{bucket: bucket, name: name, uri: uri, shown: shown.String()}, true, Classify(err)
}

// archiveEndings are those of the names of archives in an object store; all else there is a folder.
var archiveEndings = []string{".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"}

func isPacked(name string) bool {
	base := strings.ToLower(path.Base(name))
	for _, ending := range archiveEndings {
		if strings.HasSuffix(base, ending) {
			return true
		}
	}
	return false
}

// objects is a folder in an object store.
type objects struct {
	bucket     *objectstore.Bucket
	uri, shown string
}

func (o *objects) String() string { return o.shown }

// Identity implements fetch.Remote.
func (o *objects) Identity() string { return o.uri }

// List implements fetch.Remote.
func (o *objects) List(ctx context.Context) ([]fetch.File, error) {
	listed, err := o.bucket.List(ctx, "", archive.DefaultLimits().Entries)
	if err != nil {
		return nil, Classify(err)
	}
	var files []fetch.File
	for _, object := range listed {
		if !strings.HasSuffix(object.Name, "/") { // else it stands for a folder
			files = append(files, fileOf(object))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: there is nothing at %v: check the path; name a folder of class folders, or an archive that ends in %s",
			dataset.ErrNotFound, o, strings.Join(archiveEndings, ", "))
	}
	return files, nil
}

// Open implements fetch.Remote.
func (o *objects) Open(ctx context.Context, file fetch.File) (io.ReadCloser, error) {
	content, err := o.bucket.Open(ctx, file.Path)
	return content, Classify(err)
}

// object is one archive in an object store.
type object struct {
	bucket           *objectstore.Bucket
	name, uri, shown string
}

func (o *object) String() string { return o.shown }

// Identity implements fetch.Remote.
func (o *object) Identity() string { return o.uri }

// List implements fetch.Remote.
func (o *object) List(ctx context.Context) ([]fetch.File, error) {
	found, err := o.bucket.Stat(ctx, o.name)
	if err != nil {
		return nil, Classify(err)
	}
	return []fetch.File{fileOf(found)}, nil
}

// Open implements fetch.Remote.
func (o *object) Open(ctx context.Context, file fetch.File) (io.ReadCloser, error) {
	content, err := o.bucket.Open(ctx, file.Path)
	return content, Classify(err)
}

func fileOf(o objectstore.Object) fetch.File {
	file := fetch.File{Path: o.Name, Size: o.Size, Version: o.Version}
	if len(o.MD5) > 0 {
		file.Hash = fetch.Hash{Algorithm: fetch.MD5, Hex: hex.EncodeToString(o.MD5)}
	}
	return file
}
