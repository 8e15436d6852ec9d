// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"sync/atomic"
	"time"

	"github.com/trainyard-dev/trainyard/internal/repeat"
)

// progressInterval is how often a fetch says how far it has come.
const progressInterval = 250 * time.Millisecond

// Progress is how far a fetch has come. Files that were in the store already are counted as Kept, not as done or to do.
type Progress struct {
	Files, TotalFiles int64
	Bytes             int64
	// TotalBytes is -1 if a size is unknown.
	TotalBytes int64
	Kept       int64
}

// counter counts what a fetch does and tells it.
type counter struct {
	total        Progress
	files, bytes atomic.Int64
	end          func()
}

// newCounter starts counting the missing ones of files. The caller ends it.
func newCounter(tell func(Progress), files []File, missing []int) *counter {
	c := &counter{end: func() {}}
	c.total.TotalFiles, c.total.Kept = int64(len(missing)), int64(len(files)-len(missing))
	for _, i := range missing {
		if files[i].Size < 0 || c.total.TotalBytes < 0 {
			c.total.TotalBytes = -1
		} else {
			c.total.TotalBytes += files[i].Size
		}
	}
	if tell != nil {
		c.end = repeat.Every(progressInterval, func() { tell(c.progress()) })
	}
	return c
}

func (c *counter) progress() Progress {
	p := c.total
	p.Files, p.Bytes = c.files.Load(), c.bytes.Load()
	return p
}

func (c *counter) add(bytes int64) { c.bytes.Add(bytes) }
func (c *counter) file()           { c.files.Add(1) }
