// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// A picture that memory does not suffice for ends the scan: left out, it would make another dataset of the same folder.
func TestOpenWithoutMemory(t *testing.T) {
	limits := preprocess.DefaultLimits()
	limits.MemoryBytes = 1 << 10
	opts := Options{Preprocess: preprocess.DefaultSpec(16), Limits: limits}
	_, err := Open(t.Context(), Folder(classTree(t, 3, "a", "b").write(t)), opts)
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "a/") || !strings.Contains(err.Error(), "raise the memory limit") {
		t.Errorf("Open() error = %v, want %v that names the file and the remedy", err, ErrInvalid)
	}
}

// However many workers read, the files in memory stay within bounds, the largest possible while it is not known.
func TestReaderBoundsFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(preprocess.Limits{MaxBytes: 100, MaxPixels: 1, MemoryBytes: 400}) // room for 200 bytes of files
		var reading, using atomic.Int64
		release := make(chan struct{})
		for range 8 {
			go func() {
				_ = r.read(context.Background(), func() ([]byte, error) {
					reading.Add(1)
					return make([]byte, 50), nil
				}, func([]byte) error {
					using.Add(1)
					<-release
					return nil
				})
			}()
		}
		synctest.Wait()
		// 50 bytes each, and no room for another 100 once three are held.
		if reading.Load() != 3 || using.Load() != 3 {
			t.Errorf("%d files were read and %d are in use, want 3", reading.Load(), using.Load())
		}
		close(release)
		synctest.Wait()
		if reading.Load() != 8 {
			t.Errorf("%d of 8 files were read in the end", reading.Load())
		}
	})
}
