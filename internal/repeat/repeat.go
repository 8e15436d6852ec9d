// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package repeat does something again and again: beside other work, such as saying how far that has come, or until it
// works.
package repeat

import (
	"sync"
	"time"
)

// Every calls f at once, then in each interval, and a last time when stop is called, which returns after that. Calls don't
// overlap.
func Every(interval time.Duration, f func()) (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			f()
			select {
			case <-ticker.C:
			case <-done:
				f()
				return
			}
		}
	})
	return func() {
		close(done)
		ended.Wait()
	}
}
