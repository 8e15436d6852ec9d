// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/errkind"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
)

// openBucket opens what follows the first bytes of an object of an object store.
func openBucket(ctx context.Context, u *url.URL, access contract.Access, first int64) (io.ReadCloser, error) {
	folder := *u
	var name string
	folder.Path, name = path.Split(u.Path)
	if name == "" {
		return nil, fmt.Errorf("%w: URI %s names no object", ErrConfig, u)
	}
	bucket, err := objectstore.Open(ctx, folder.String(), access)
	if err != nil {
		return nil, storeError(err)
	}
	content, err := bucket.OpenFrom(ctx, name, first)
	if err != nil {
		return nil, storeError(errors.Join(err, bucket.Close()))
	}
	return &bucketObject{content, bucket}, nil
}

// bucketObject closes the bucket with its object.
type bucketObject struct {
	io.ReadCloser
	bucket *objectstore.Bucket
}

func (o *bucketObject) Close() error { return errors.Join(o.ReadCloser.Close(), o.bucket.Close()) }

// storeError classifies an error of an object store.
func storeError(err error) error {
	for _, kind := range []struct{ theirs, ours error }{
		{objectstore.ErrConfig, ErrConfig}, {objectstore.ErrRegion, ErrConfig},
		{objectstore.ErrCredentials, ErrCredentials}, {objectstore.ErrNotFound, ErrNotFound},
	} {
		if errors.Is(err, kind.theirs) {
			return errkind.With(kind.ours, err)
		}
	}
	return err
}
