// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"io"
	"net/url"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/web"
)

// page is one archive on a web server.
type page struct {
	url    *url.URL
	access contract.Access
}

func (p *page) String() string { return p.url.String() }

// Identity implements fetch.Remote.
func (p *page) Identity() string { return p.url.String() }

// List implements fetch.Remote.
func (p *page) List(ctx context.Context) ([]fetch.File, error) {
	size, version, err := web.Stat(ctx, p.url, p.access)
	if err != nil {
		return nil, Classify(err)
	}
	return []fetch.File{{Path: "archive", Size: size, Version: version}}, nil
}

// Open implements fetch.Remote.
func (p *page) Open(ctx context.Context, _ fetch.File) (io.ReadCloser, error) {
	content, err := web.Get(ctx, p.url, p.access)
	return content, Classify(err)
}
