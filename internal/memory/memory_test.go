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
	const v2, v1, ownCgroups = "sys/fs/cgroup/" + cgroupV2Max, "sys/fs/cgroup/memory/" + cgroupV1Max, "proc/self/cgroup"
	cases := map[string]struct {
		root fstest.MapFS
		want int64
	}{
		"nothing known":      {fstest.MapFS{}, assumed},
		"cgroup v2":          {fstest.MapFS{v2: file("1073741824\n"), meminfo: file("MemAvailable: 8388608 kB\n")}, 1 << 30},
		"cgroup v2, no max":  {fstest.MapFS{v2: file("max\n"), meminfo: file("MemTotal: 1 kB\nMemAvailable:  4194304 kB\n")}, 4 << 30},
		"cgroup v1":          {fstest.MapFS{v1: file("536870912\n")}, 512 << 20},
		"cgroup v1, no max":  {fstest.MapFS{v1: file("9223372036854771712\n"), meminfo: file("MemAvailable: 1024 kB\n")}, 1 << 20},
		"machine is smaller": {fstest.MapFS{v2: file("8589934592\n"), meminfo: file("MemAvailable: 1048576 kB\n")}, 1 << 30},
		"nonsense":           {fstest.MapFS{v2: file("?"), ownCgroups: file("?\n"), meminfo: file("MemAvailable: lots kB\n")}, assumed},
		"cgroup v2 of the machine": {fstest.MapFS{
			ownCgroups:                                  file("0::/pods/pod1/runner\n"),
			"sys/fs/cgroup/pods/pod1/memory.max":        file("1073741824\n"),
			"sys/fs/cgroup/pods/memory.max":             file("max\n"),
			"sys/fs/cgroup/pods/pod1/runner/memory.max": file("max\n"),
		}, 1 << 30},
		"cgroup v1 of the machine": {fstest.MapFS{
			ownCgroups: file("9:cpu,cpuacct:/pods/other\n8:memory:/pods/pod1\n"),
			"sys/fs/cgroup/memory/pods/pod1/memory.limit_in_bytes":  file("2147483648\n"),
			"sys/fs/cgroup/memory/pods/other/memory.limit_in_bytes": file("1\n"),
		}, 2 << 30},
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

func TestDecodeBudget(t *testing.T) {
	const largest = 50_000_000 * 4 * 2 // coefficients of the default limits' largest progressive JPEG, of four colors
	cases := map[string]struct{ got, atLeast, atMost int64 }{
		"training in 4 GiB, as documented": {DecodeBudget(4<<30, 300<<20), largest, 1 << 30},
		"training in 1 GiB":                {DecodeBudget(1<<30, 220<<20), 128 << 20, 256 << 20},
		"training without room":            {DecodeBudget(100<<20, 200<<20), 32 << 20, 32 << 20},
		"serving in 1 GiB, as documented":  {ServingDecodeBudget(1 << 30), largest, 512 << 20},
		"serving in 256 MiB":               {ServingDecodeBudget(256 << 20), 120 << 20, 128 << 20},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.got < tc.atLeast || tc.got > tc.atMost {
				t.Errorf("got %d, want %d to %d", tc.got, tc.atLeast, tc.atMost)
			}
		})
	}
}
