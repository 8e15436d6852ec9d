// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package memory finds out how much memory the program may use: the container's limit, or what the machine has free.
package memory

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/cgroup"
)

// assumed is what the program may use in bytes where the system doesn't say.
const assumed = 2 << 30

// Files that hold a limit, in a control group's folder, and what the machine has.
const (
	cgroupV2Max = "memory.max"
	cgroupV1Max = "memory.limit_in_bytes"
	meminfo     = "proc/meminfo"
)

// Limit is the number of bytes that the program may use: the smaller of the container's limit and of what the machine
// has available.
func Limit() int64 { return limit(os.DirFS("/")) }

func limit(root fs.FS) int64 {
	least := int64(0)
	for _, n := range append(cgroupLimits(root), available(root)) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if least == 0 {
		return assumed
	}
	return least
}

// cgroupLimits returns the limits of the program's control group and of all above it, of either version.
func cgroupLimits(root fs.FS) []int64 {
	var limits []int64
	v2, v1 := cgroup.Folders(root, "memory")
	for _, folder := range v2 {
		limits = append(limits, cgroupLimit(root, path.Join(folder, cgroupV2Max)))
	}
	for _, folder := range v1 {
		limits = append(limits, cgroupLimit(root, path.Join(folder, cgroupV1Max)))
	}
	return limits
}

// cgroupLimit reads a file that holds a number of bytes, or a word for no limit, which is 0.
func cgroupLimit(root fs.FS, name string) int64 {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// available reads how much memory the machine has available, 0 if it doesn't say.
func available(root fs.FS) int64 {
	data, err := fs.ReadFile(root, meminfo)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		fields := strings.Fields(string(line))
		if len(fields) == 3 && fields[0] == "MemAvailable:" && fields[2] == "kB" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}

// BoundHeap makes the garbage collector keep the program below limit, with a tenth spared for what is not on the heap.
// A limit that the user set by GOMEMLIMIT stays.
func BoundHeap(limit int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// CacheBudget is the part of limit for decoded images: what the network needs comes first, and of the rest one half is
// left for decoding, batches, encoded files and the collector's slack.
func CacheBudget(limit, network int64) int64 {
	return max(0, (limit/10*9-network)/2)
}

// Bounds of the memory for images while they are decoded. The upper one is enough for the largest that is admitted: a
// progressive JPEG of 50 megapixels in four colors.
const (
	leastForDecoding = 32 << 20
	mostForDecoding  = 512 << 20
)

// DecodeBudget is the part of limit for images while they are decoded in training: a quarter of what the network leaves.
func DecodeBudget(limit, network int64) int64 {
	return min(max((limit/10*9-network)/4, leastForDecoding), mostForDecoding)
}

// ServingDecodeBudget is the same for serving, which keeps no decoded images: half of limit.
func ServingDecodeBudget(limit int64) int64 {
	return min(max(limit/2, leastForDecoding), mostForDecoding)
}
