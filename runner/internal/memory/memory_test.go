// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestLimit(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	cases := map[string]struct {
		root fstest.MapFS
		want int64
	}{
		"nothing known":      {fstest.MapFS{}, assumed},
		"cgroup v2":          {fstest.MapFS{cgroupV2: file("1073741824\n"), meminfo: file("MemAvailable: 8388608 kB\n")}, 1 << 30},
		"cgroup v2, no max":  {fstest.MapFS{cgroupV2: file("max\n"), meminfo: file("MemTotal: 1 kB\nMemAvailable:  4194304 kB\n")}, 4 << 30},
		"cgroup v1":          {fstest.MapFS{cgroupV1: file("536870912\n")}, 512 << 20},
		"cgroup v1, no max":  {fstest.MapFS{cgroupV1: file("9223372036854771712\n"), meminfo: file("MemAvailable: 1024 kB\n")}, 1 << 20},
		"machine is smaller": {fstest.MapFS{cgroupV2: file("8589934592\n"), meminfo: file("MemAvailable: 1048576 kB\n")}, 1 << 30},
		"nonsense":           {fstest.MapFS{cgroupV2: file("?"), meminfo: file("MemAvailable: lots kB\n")}, assumed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := limit(tc.root); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestLimitOfThisMachine(t *testing.T) {
	if got := Limit(); got < 1<<20 {
		t.Errorf("limit is %d bytes", got)
	}
}

func TestBoundHeap(t *testing.T) {
	previous := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(previous) })
	t.Setenv("GOMEMLIMIT", "")
	BoundHeap(1000)
	if got := debug.SetMemoryLimit(math.MaxInt64); got != 900 {
		t.Errorf("bound is %d, want 900", got)
	}
	t.Setenv("GOMEMLIMIT", "1GiB")
	BoundHeap(1000)
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("bound is %d: GOMEMLIMIT was overridden", got)
	}
}

func TestCacheBudget(t *testing.T) {
	// A pod of 1 GiB that trains BaselineCNN at 64 pixels has room for 10,000 images.
	if got, images := CacheBudget(1<<30, 220<<20), int64(10_000*64*64*3); got < images {
		t.Errorf("budget is %d, want at least %d", got, images)
	}
	if got := CacheBudget(100, 200); got != 0 {
		t.Errorf("budget is %d where the network needs more than there is", got)
	}
}
