// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package processors makes the program use as many threads as its container has processors.
package processors

import (
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/cgroup"
)

// FollowQuota runs Go code on one thread at a time where the container may use one processor or less. Go itself follows the quota of a
// container (GOMAXPROCS), but keeps two threads: beside each other they use a period's quota up in half of it, and the program stands
// still for the rest, in the middle of a request. What the user set by GOMAXPROCS stays.
func FollowQuota() {
	if quota := limit(os.DirFS("/")); os.Getenv("GOMAXPROCS") == "" && quota > 0 && quota <= 1 {
		runtime.GOMAXPROCS(1)
	}
}

// limit is the number of processors that the program may use by its quota, 0 if there is none.
func limit(root fs.FS) float64 {
	v2, v1 := cgroup.Folders(root, "cpu")
	least := 0.0
	consider := func(quota, period string) {
		q, err := strconv.ParseFloat(quota, 64)
		p, periodErr := strconv.ParseFloat(period, 64)
		if err == nil && periodErr == nil && q > 0 && p > 0 && (least == 0 || q/p < least) {
			least = q / p
		}
	}
	for _, folder := range v2 {
		// "max 100000", or a quota in place of max
		if fields := strings.Fields(read(root, folder, "cpu.max")); len(fields) == 2 {
			consider(fields[0], fields[1])
		}
	}
	for _, folder := range v1 {
		consider(read(root, folder, "cpu.cfs_quota_us"), read(root, folder, "cpu.cfs_period_us"))
	}
	return least
}

func read(root fs.FS, folder, name string) string {
	data, err := fs.ReadFile(root, path.Join(folder, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
