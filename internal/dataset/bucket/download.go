// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"errors"
	"io"
	"time"
)

const (
	// attempts are made to fetch a file, with pauses in between that double from firstPause.
	attempts   = 4
	firstPause = 500 * time.Millisecond
	// stallLimit is how long nothing may arrive.
	stallLimit = 30 * time.Second
)

// retry tries again what may work again.
func retry(ctx context.Context, try func() error) error {
	for attempt, pause := 1, firstPause; ; attempt, pause = attempt+1, 2*pause {
		err := try()
		if err == nil || isFinal(err) || attempt == attempts || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var errStalled = errors.New("nothing arrived for " + stallLimit.String())

// download copies what open opens, at most one byte more than asked for. It fails once nothing has arrived for stallLimit.
func download(ctx context.Context, to io.Writer, open func(context.Context) (io.ReadCloser, error), maxBytes int64) (size int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(stallLimit, func() { cancel(errStalled) })
	defer timer.Stop()
	content, err := open(ctx)
	if err == nil {
		size, err = io.Copy(to, io.LimitReader(&watched{content, timer}, maxBytes+1))
		err = errors.Join(err, content.Close())
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return size, err
}

// watched puts off a timer whenever something arrives.
type watched struct {
	io.Reader
	timer *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.timer.Reset(stallLimit)
	}
	return n, err
}
