// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package repeat

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		stop := Every(time.Second, func() { calls++ })
		synctest.Wait()
		if calls != 1 {
			t.Errorf("%d calls at once, want 1", calls)
		}
		time.Sleep(2500 * time.Millisecond)
		stop()
		if calls != 4 {
			t.Errorf("%d calls in two intervals and at the end, want 4", calls)
		}
	})
}
