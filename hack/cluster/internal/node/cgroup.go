// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cgroupRoots returns the mount points of the cgroup hierarchies, of either version, in the text of /proc/mounts.
func cgroupRoots(mounts string) []string {
	var out []string
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) >= 3 && (f[2] == "cgroup" || f[2] == "cgroup2") {
			out = append(out, f[1])
		}
	}
	return out
}

// cgroupDirs returns the node's cgroup in each hierarchy.
func (n *Node) cgroupDirs() ([]string, error) {
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return nil, err
	}
	roots := cgroupRoots(string(mounts))
	for i, root := range roots {
		roots[i] = filepath.Join(root, n.Cgroup())
	}
	return roots, nil
}

// EnsureCgroups makes the parent of the pods' cgroups in each hierarchy.
func (n *Node) EnsureCgroups() error {
	dirs, err := n.cgroupDirs()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make the pods' cgroup: %w", err)
		}
	}
	return nil
}

// subCgroups returns a cgroup and all below it, children first.
func subCgroups(dir string) []string {
	var out []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			out = append(out, path)
		}
		return nil // a cgroup may go while it is read
	})
	slices.Reverse(out)
	return out
}

// cgroupProcesses returns the processes in the node's cgroups: those of the pods.
func (n *Node) cgroupProcesses() ([]int, error) {
	dirs, err := n.cgroupDirs()
	if err != nil {
		return nil, err
	}
	var out []int
	for _, dir := range dirs {
		for _, sub := range subCgroups(dir) {
			procs, err := os.ReadFile(filepath.Join(sub, "cgroup.procs"))
			if err != nil {
				continue // it has gone
			}
			out = append(out, parsePIDs(string(procs))...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func parsePIDs(procs string) []int {
	var out []int
	for _, f := range strings.Fields(procs) {
		if pid, err := strconv.Atoi(f); err == nil && pid > 0 {
			out = append(out, pid)
		}
	}
	return out
}

// deleteCgroups removes the node's cgroups, which must hold no process. The kernel takes a moment to
// notice that one has ended.
func (n *Node) deleteCgroups() error {
	const (
		patience = 5 * time.Second
		pause    = 20 * time.Millisecond
	)
	dirs, err := n.cgroupDirs()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		var failed error
		for _, dir := range dirs {
			for _, sub := range subCgroups(dir) {
				if err := os.Remove(sub); err != nil && !errors.Is(err, fs.ErrNotExist) {
					failed = errors.Join(failed, err)
				}
			}
		}
		if failed == nil || time.Now().After(deadline) {
			return failed
		}
	}
}
