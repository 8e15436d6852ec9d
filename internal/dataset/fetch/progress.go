// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"sync/atomic"
	"time"
)

// progressInterval is how often a fetch says how far it has come.
const progressInterval = 250 * time.Millisecond

// counter counts what a fetch does and tells it.
type counter struct {
	tell         func(Progress)
	total        Progress
	files, bytes atomic.Int64
	done         chan struct{}
	ended        chan struct{}
}

// newCounter starts counting the missing ones of files. The caller ends it.
func newCounter(tell func(Progress), files []File, missing []int) *counter {
	c := &counter{tell: tell, done: make(chan struct{}), ended: make(chan struct{})}
	c.total.TotalFiles, c.total.Kept = int64(len(missing)), int64(len(files)-len(missing))
	for _, i := range missing {
		if files[i].Size < 0 || c.total.TotalBytes < 0 {
			c.total.TotalBytes = -1
		} else {
			c.total.TotalBytes += files[i].Size
		}
	}
	go c.run()
	return c
}

func (c *counter) run() {
	defer close(c.ended)
	if c.tell == nil {
		return
	}
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		c.tell(c.progress())
		select {
		case <-ticker.C:
		case <-c.done:
			c.tell(c.progress())
			return
		}
	}
}

func (c *counter) progress() Progress {
	p := c.total
	p.Files, p.Bytes = c.files.Load(), c.bytes.Load()
	return p
}

func (c *counter) add(bytes int64) { c.bytes.Add(bytes) }
func (c *counter) file()           { c.files.Add(1) }

func (c *counter) end() {
	close(c.done)
	<-c.ended
}
