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
	"slices"
	"strconv"
	"strings"
)

// assumed is what the program may use in bytes where the system doesn't say.
const assumed = 2 << 30

// Files below the root of the file system. A cgroup's limit is in a file of its folder, whose name depends on the cgroups'
// version.
const (
	cgroupV2Root = "sys/fs/cgroup"
	cgroupV2Max  = "memory.max"
	cgroupV1Root = "sys/fs/cgroup/memory"
	cgroupV1Max  = "memory.limit_in_bytes"
	ownCgroups   = "proc/self/cgroup"
	meminfo      = "proc/meminfo"
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

// cgroupLimits returns the limits of the program's cgroup and of all above it, of either version. In a container whose
// cgroups are a namespace of their own that is the root alone; elsewhere /proc/self/cgroup tells where the program is.
func cgroupLimits(root fs.FS) []int64 {
	limits := []int64{cgroupLimit(root, path.Join(cgroupV2Root, cgroupV2Max)), cgroupLimit(root, path.Join(cgroupV1Root, cgroupV1Max))}
	data, err := fs.ReadFile(root, ownCgroups)
	if err != nil {
		return limits
	}
	for line := range strings.Lines(string(data)) {
		// hierarchy:controllers:path, with no controllers in version 2
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		top, file := cgroupV2Root, cgroupV2Max
		if fields[1] != "" {
			if !slices.Contains(strings.Split(fields[1], ","), "memory") {
				continue
			}
			top, file = cgroupV1Root, cgroupV1Max
		}
		for folder := path.Clean("/" + fields[2]); folder != "/"; folder = path.Dir(folder) {
			limits = append(limits, cgroupLimit(root, path.Join(top, folder, file)))
		}
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
