// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
)

// Object is what a store says of an object.
type Object struct {
	Name string // below the bucket's prefix
	Size int64  // bytes
	MD5  []byte // of its content, if the store says so
	// Version is another for another content of the same name.
	Version string
	// Modified is when it was written, as a list says it.
	Modified time.Time
}

// Stat looks at an object.
func (b *Bucket) Stat(ctx context.Context, name string) (Object, error) {
	attributes, err := b.bucket.Attributes(ctx, b.prefix+name)
	if err != nil {
		return b.statByReading(ctx, name)
	}
	object := Object{Name: name, Size: attributes.Size, MD5: attributes.MD5, Version: attributes.ETag}
	var head s3.HeadObjectOutput
	if attributes.As(&head) && hidesSum(&head) {
		object.MD5 = nil
	}
	return object, nil
}

// statByReading looks at an object by opening it: S3 says why something fails only where an answer has a body.
func (b *Bucket) statByReading(ctx context.Context, name string) (Object, error) {
	r, err := b.bucket.NewReader(ctx, b.prefix+name, nil)
	if err != nil {
		return Object{}, b.explain("read "+b.URI(name), err)
	}
	defer r.Close()
	return Object{Name: name, Size: r.Size()}, nil
}

// Open opens an object for reading.
func (b *Bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	return b.OpenFrom(ctx, name, 0)
}

// OpenFrom opens what follows the first bytes of an object.
func (b *Bucket) OpenFrom(ctx context.Context, name string, first int64) (io.ReadCloser, error) {
	r, err := b.bucket.NewRangeReader(ctx, b.prefix+name, first, -1, nil)
	if err != nil {
		return nil, b.explain("read "+b.URI(name), err)
	}
	return &reader{r, b, name}, nil
}

// reader explains the errors of a blob.Reader.
type reader struct {
	*blob.Reader
	bucket *Bucket
	name   string
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.bucket.explain("read "+r.bucket.URI(r.name), err)
	}
	return n, err
}

// Write writes an object, in parts where it is large. One that is interrupted doesn't appear. A new object is not put in the
// place of one that exists: that is ErrExists.
func (b *Bucket) Write(ctx context.Context, name string, isNew bool, write func(io.Writer) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.bucket.NewWriter(ctx, b.prefix+name, &blob.WriterOptions{IfNotExist: isNew, ContentType: "application/octet-stream"})
	if err != nil {
		return b.explain("write "+b.URI(name), err)
	}
	if err := write(w); err != nil {
		cancel() // has Close drop what was written
		closeErr := w.Close()
		var own *explained
		if closeErr != nil && !errors.Is(closeErr, context.Canceled) && !errors.As(err, &own) {
			err = errors.Join(err, closeErr)
		}
		return b.explain("write "+b.URI(name), err)
	}
	if err := w.Close(); err != nil {
		return b.explain("write "+b.URI(name), err)
	}
	return nil
}

// List lists the objects whose names begin with a prefix, in the order of their names, at most as many as asked for.
func (b *Bucket) List(ctx context.Context, prefix string, most int) ([]Object, error) {
	var objects []Object
	iterator := b.bucket.List(&blob.ListOptions{Prefix: b.prefix + prefix})
	for {
		object, err := iterator.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			b.checkMD5(ctx, objects)
			return objects, nil
		case err != nil:
			return nil, b.explain("list "+b.URI(prefix), err)
		case len(objects) == most:
			return nil, fmt.Errorf("list %s: %w: it has more than %d objects", b.URI(prefix), ErrConfig, most)
		}
		objects = append(objects, Object{Name: object.Key[len(b.prefix):], Size: object.Size, MD5: object.MD5, Version: version(object), Modified: object.ModTime})
	}
}

// Remove deletes an object. It is no error if there is none.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	err := b.bucket.Delete(ctx, b.prefix+name)
	if err = b.explain("delete "+b.URI(name), err); errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNoBucket) {
		return nil
	}
	return err
}
