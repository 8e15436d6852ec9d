// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"errors"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/errkind"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
	"github.com/trainyard-dev/trainyard/internal/web"
)

// kinds are what errors of other packages are for a dataset.
var kinds = []struct{ theirs, ours error }{
	{objectstore.ErrCredentials, dataset.ErrCredentials}, {web.ErrCredentials, dataset.ErrCredentials},
	{objectstore.ErrNotFound, dataset.ErrNotFound}, {objectstore.ErrRegion, dataset.ErrNotFound}, {web.ErrNotFound, dataset.ErrNotFound},
	{objectstore.ErrConfig, dataset.ErrConfig}, {web.ErrConfig, dataset.ErrConfig},
}

// Classify says by an error of package dataset what a person has to mend of an object store or a web server; nil stays nil.
func Classify(err error) error {
	for _, kind := range kinds {
		if errors.Is(err, kind.theirs) {
			return errkind.With(kind.ours, err)
		}
	}
	return err
}
