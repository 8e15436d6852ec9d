// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package processors

import (
	"runtime"
	"testing"
	"testing/fstest"
)

func TestLimit(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	cases := map[string]struct {
		root fstest.MapFS
		want float64
	}{
		"nothing known":     {fstest.MapFS{}, 0},
		"cgroup v2":         {fstest.MapFS{"sys/fs/cgroup/cpu.max": file("50000 100000\n")}, 0.5},
		"cgroup v2, no max": {fstest.MapFS{"sys/fs/cgroup/cpu.max": file("max 100000\n")}, 0},
		"cgroup v1":         {fstest.MapFS{"sys/fs/cgroup/cpu/cpu.cfs_quota_us": file("150000\n"), "sys/fs/cgroup/cpu/cpu.cfs_period_us": file("100000\n")}, 1.5},
		"cgroup v1, no max": {fstest.MapFS{"sys/fs/cgroup/cpu/cpu.cfs_quota_us": file("-1\n"), "sys/fs/cgroup/cpu/cpu.cfs_period_us": file("100000\n")}, 0},
		"nonsense":          {fstest.MapFS{"sys/fs/cgroup/cpu.max": file("?"), "sys/fs/cgroup/cpu/cpu.cfs_quota_us": file("1")}, 0},
		"the smallest of all above": {fstest.MapFS{
			"proc/self/cgroup":                   file("0::/pods/pod1/server\n"),
			"sys/fs/cgroup/pods/cpu.max":         file("400000 100000\n"),
			"sys/fs/cgroup/pods/pod1/cpu.max":    file("100000 100000\n"),
			"sys/fs/cgroup/pods/pod1/server/cpu": file("x"),
		}, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := limit(tc.root); got != tc.want {
				t.Errorf("got %g, want %g", got, tc.want)
			}
		})
	}
}

func TestFollowQuotaLeavesTheUsersChoice(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Setenv("GOMAXPROCS", "7")
	FollowQuota()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("GOMAXPROCS is %d, want %d as before", got, before)
	}
}
