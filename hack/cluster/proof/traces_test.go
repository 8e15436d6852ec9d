// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux && proof

package proof

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// traces are what a cluster could leave on a machine.
type traces struct {
	Mounts, Links, NetNS, Cgroups, Folders []string
}

// lookAround lists what is there now. It leaves out what has nothing to do with a cluster, since other
// things happen on a machine.
func lookAround(t *testing.T) traces {
	t.Helper()
	var out traces
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && containsAny(f[1], "trainyard", "kubelet", "containerd", "/cni", "/pods", name) {
			out.Mounts = append(out.Mounts, f[1])
		}
	}
	out.Links = append(glob(t, "/sys/class/net/"+name+"*"), glob(t, "/sys/class/net/veth*")...)
	out.NetNS = append(glob(t, "/run/netns/"+name+"*"), glob(t, "/run/netns/cni-*")...)
	out.Cgroups = append(glob(t, "/sys/fs/cgroup/"+name+"*"), glob(t, "/sys/fs/cgroup/*/"+name+"*")...)
	out.Folders = append(out.Folders, glob(t, configuration(t).StateDir())...)
	// The folders that are mounted on go with the last cluster.
	if clusters := glob(t, filepath.Join(filepath.Dir(configuration(t).StateDir()), "*")); len(clusters) == 0 {
		for _, b := range configuration(t).Node(0).Binds() {
			out.Folders = append(out.Folders, glob(t, b.Path)...)
		}
	}
	out.Folders = append(out.Folders, glob(t, configuration(t).LockPath())...)
	return out
}

func containsAny(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, part) })
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	out, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// marks are what a node's processes are known by, which outlasts the node's files.
type marks struct {
	netNS  uint64
	cgroup string
}

func marksOf(t *testing.T, node int) marks {
	t.Helper()
	n := configuration(t).Node(node)
	m := marks{cgroup: ":" + n.Cgroup() + "/"}
	if info, err := os.Stat(n.NetNSPath()); err == nil {
		m.netNS = info.Sys().(*syscall.Stat_t).Ino
	}
	return m
}

// members returns a node's processes: those in its network namespace or in its cgroup.
func members(t *testing.T, node marks) []string {
	t.Helper()
	var out []string
	for _, dir := range glob(t, "/proc/[0-9]*") {
		cgroup, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
		cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || len(cmdline) == 0 {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, "ns/net"))
		if err != nil {
			continue
		}
		if info.Sys().(*syscall.Stat_t).Ino == node.netNS || strings.Contains(string(cgroup), node.cgroup) {
			out = append(out, fmt.Sprintf("%s %q", filepath.Base(dir), cmdline))
		}
	}
	return out
}

// checkNothingLeft compares the machine with what it was before the cluster.
func checkNothingLeft(t *testing.T, before traces, node marks) {
	t.Helper()
	if diff := cmp.Diff(before, lookAround(t)); diff != "" {
		t.Errorf("the cluster left something (-before +after):\n%s", diff)
	}
	if left := members(t, node); len(left) > 0 {
		t.Errorf("the cluster left processes:\n%s", strings.Join(left, "\n"))
	}
}
