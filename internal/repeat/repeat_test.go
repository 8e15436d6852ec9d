// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package repeat

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		stop := Every(time.Second, func() { calls.Add(1) })
		synctest.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("%d calls at once, want 1", n)
		}
		time.Sleep(2500 * time.Millisecond)
		stop()
		if n := calls.Load(); n != 4 {
			t.Errorf("%d calls in two intervals and at the end, want 4", n)
		}
	})
}
