// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/archive"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
	"github.com/trainyard-dev/trainyard/internal/web"
)

// sideBySide is how many files are fetched at once: most are small, and each waits for the store.
const sideBySide = 32

// fetchArchive fetches the one file that the URI names.
func (s *source) fetchArchive(ctx context.Context, to string) error {
	open := func(ctx context.Context) (io.ReadCloser, error) { return web.Get(ctx, s.uri, s.access) }
	if s.uri.Scheme != contract.SchemeHTTPS {
		above := *s.uri
		var name string
		above.Path, name = path.Split(s.uri.Path)
		bucket, err := objectstore.Open(ctx, above.String(), s.access)
		if err != nil {
			return err
		}
		defer bucket.Close()
		open = func(ctx context.Context) (io.ReadCloser, error) { return bucket.Open(ctx, name) }
	}
	return retry(ctx, func() error {
		file, err := os.Create(to)
		if err != nil {
			return err
		}
		size, err := download(ctx, file, open, s.limits.Bytes)
		if err = errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("fetch %v: %w", s, err)
		}
		if size > s.limits.Bytes {
			return fmt.Errorf("%w: %v has more than %d bytes", dataset.ErrInvalid, s, s.limits.Bytes)
		}
		return nil
	})
}

// fetchObjects fetches all objects below the URI into dir, side by side.
func (s *source) fetchObjects(ctx context.Context, dir string) error {
	bucket, err := objectstore.Open(ctx, s.uri.String(), s.access)
	if err != nil {
		return err
	}
	defer bucket.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	objects, err := s.list(ctx, bucket)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, object := range objects {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return fetchObject(ctx, bucket, root, object) })
	}
	return group.Wait()
}

// list lists the objects that are files, within the limits.
func (s *source) list(ctx context.Context, bucket *objectstore.Bucket) ([]objectstore.Object, error) {
	var listed []objectstore.Object
	err := retry(ctx, func() (err error) {
		listed, err = bucket.List(ctx, "", s.limits.Entries)
		return err
	})
	if err != nil {
		return nil, err
	}
	files, left := listed[:0], s.limits.Bytes
	for _, object := range listed {
		if strings.HasSuffix(object.Name, "/") {
			continue // stands for a folder
		}
		if left -= object.Size; left < 0 {
			return nil, fmt.Errorf("%w: %v has more than %d bytes", dataset.ErrInvalid, s, s.limits.Bytes)
		}
		files = append(files, object)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: there is nothing at %v: check the path; name a folder of class folders, or an archive that ends in %s",
			dataset.ErrNotFound, s, strings.Join(archiveEndings, ", "))
	}
	return files, nil
}

// fetchObject fetches one object, which must be what was listed.
func fetchObject(ctx context.Context, bucket *objectstore.Bucket, root *os.Root, object objectstore.Object) error {
	name, err := archive.CleanPath(object.Name)
	if err == nil && name != strings.TrimPrefix(object.Name, "./") {
		err = fmt.Errorf("%q has empty parts or '.' in its name", object.Name)
	}
	if err != nil {
		return fmt.Errorf("%w: object %s: %w", dataset.ErrInvalid, bucket.URI(""), err)
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return notAFolder(bucket, name, err)
	}
	open := func(ctx context.Context) (io.ReadCloser, error) { return bucket.Open(ctx, object.Name) }
	return retry(ctx, func() error {
		file, err := root.Create(name)
		if err != nil {
			return notAFolder(bucket, name, err)
		}
		hash := md5.New()
		size, err := download(ctx, io.MultiWriter(file, hash), open, object.Size)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
		if size != object.Size || len(object.MD5) > 0 && !bytes.Equal(hash.Sum(nil), object.MD5) {
			return fmt.Errorf("%s arrived otherwise than it was listed: leave the dataset as it is while it is fetched", bucket.URI(object.Name))
		}
		return nil
	})
}

// notAFolder explains why a name can't be in a folder: object stores have files below files.
func notAFolder(bucket *objectstore.Bucket, name string, err error) error {
	if !isFileAndFolder(err) {
		return fmt.Errorf("write %q: %w", name, err)
	}
	return fmt.Errorf("%w: %s, or what is above it, is both a file and a folder: rename one of them", dataset.ErrInvalid, bucket.URI(name))
}
