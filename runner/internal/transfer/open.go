// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/web"
)

// open opens what follows the first bytes of the content that a URI names, and returns how many of them the place has left out:
// all, or none if it can't. A reader that gets nothing for stallLimit fails.
func open(ctx context.Context, file contract.PullConfig, first int64) (content io.ReadCloser, leftOut int64, err error) {
	u, err := url.Parse(file.URI)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: the URI can't be parsed", ErrConfig)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watch := &watchdog{cancel: cancel}
	watch.timer = time.AfterFunc(stallLimit, func() { cancel(errStalled) })
	content, leftOut, err = openScheme(ctx, u, file, first)
	if err != nil {
		watch.stop()
		return nil, 0, causeOf(ctx, err)
	}
	return &watched{content, watch, ctx}, leftOut, nil
}

func openScheme(ctx context.Context, u *url.URL, file contract.PullConfig, first int64) (content io.ReadCloser, leftOut int64, err error) {
	switch u.Scheme {
	case contract.SchemeHTTPS:
		return web.GetFrom(ctx, u, file.Access, first)
	case contract.SchemeOCI:
		return openArtifact(ctx, u, file, first)
	default:
		content, err = openBucket(ctx, u, file.Access, first)
		return content, first, err
	}
}

var errStalled = errors.New("nothing arrived for " + stallLimit.String())

// watchdog ends a transfer that has stalled.
type watchdog struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// watched is content that a watchdog sits beside.
type watched struct {
	io.ReadCloser
	watch *watchdog
	ctx   context.Context
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.watch.timer.Reset(stallLimit)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = causeOf(w.ctx, err)
	}
	return n, err
}

func (w *watched) Close() error {
	w.watch.stop()
	return w.ReadCloser.Close()
}

// causeOf returns why a context was ended, where that is why something failed.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		return cause
	}
	return err
}
