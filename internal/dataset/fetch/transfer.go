// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// stalled is how long a file that is being read may bring nothing.
const stalled = time.Minute

// fetch brings one file to its place in the store, trying again what may pass.
func (s *Store) fetch(ctx context.Context, remote Remote, file File, at string, count *counter) error {
	return try(ctx, s.patience, fmt.Sprintf("%v: %s", remote, dataset.Shown(file.Path)), func() error { return s.tryFetch(ctx, remote, file, at, count) })
}

// tryFetch writes a file under a name of this store's own and renames it once it is whole and what it should be.
func (s *Store) tryFetch(ctx context.Context, remote Remote, file File, at string, count *counter) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	part := filepath.Join(s.dir, partsDir, fmt.Sprintf("%s.%d", s.lease.id, s.parts.Add(1)))
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return s.diskError(err)
	}
	var received int64
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = os.Remove(part) // what stays is removed with the leases that are over
			count.add(-received)
		}
	}()
	in, err := remote.Open(ctx, file)
	if err != nil {
		return err
	}
	defer in.Close()
	watch := time.AfterFunc(stalled, func() { cancel(fmt.Errorf("nothing came for %v", stalled)) })
	defer watch.Stop()
	sum := file.Hash.new()
	received, err = s.copy(out, in, sum, file.Size, func(n int) {
		watch.Reset(stalled)
		count.add(int64(n))
	})
	if err == nil {
		err = verify(file, received, sum)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	if err := s.place(out, part, at); err != nil {
		return s.diskError(err)
	}
	count.file()
	return nil
}

// buffers are what files are copied through.
var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// copy copies a file and no more than one byte beyond its size.
func (s *Store) copy(out io.Writer, in io.Reader, sum hash.Hash, size int64, step func(n int)) (received int64, err error) {
	most := size
	if size < 0 {
		most = s.opts.MaxBytes
	}
	if most > 0 || size == 0 {
		in = io.LimitReader(in, most+1)
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		n, readErr := in.Read(*buffer)
		received += int64(n)
		step(n)
		if sum != nil {
			sum.Write((*buffer)[:n])
		}
		if _, err := out.Write((*buffer)[:n]); err != nil {
			return received, s.diskError(err)
		}
		if size < 0 && most > 0 && received > most {
			return received, fmt.Errorf("%w: a file has more than the %d bytes of %s: raise it", dataset.ErrConfig, most, s.limit())
		}
		if errors.Is(readErr, io.EOF) {
			return received, nil
		}
		if readErr != nil {
			return received, readErr
		}
	}
}

// errDiffers says that what came is not what was listed. It is tried again: a proxy or a network may be at fault.
var errDiffers = errors.New("what came is not what is listed")

func verify(file File, received int64, sum hash.Hash) error {
	if file.Size >= 0 && received != file.Size {
		more := ""
		if received > file.Size {
			more = "more than "
		}
		return fmt.Errorf("%w: %s%d bytes, %d are listed", errDiffers, more, min(received, file.Size), file.Size)
	}
	if sum == nil {
		return nil
	}
	if got := sum.Sum(nil); !file.Hash.is(got) {
		return fmt.Errorf("%w: its %s is %x, %s is listed", errDiffers, file.Hash.Algorithm, got, file.Hash.Hex)
	}
	return nil
}

// place gives a complete file its name.
func (s *Store) place(out *os.File, part, at string) error {
	if err := out.Close(); err != nil {
		return err
	}
	err := os.Rename(part, at)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			return err
		}
		err = os.Rename(part, at)
	}
	return err
}
