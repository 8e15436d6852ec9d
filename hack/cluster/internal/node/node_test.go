// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
)

func TestOverlaps(t *testing.T) {
	tests := map[string]struct {
		route string // empty: the default route
		want  bool
	}{
		"default route":           {},
		"written default route":   {route: "0.0.0.0/0"},
		"elsewhere":               {route: "192.168.0.0/16"},
		"the neighbor":            {route: "10.214.0.0/16"},
		"the same":                {route: "10.213.0.0/16", want: true},
		"a part of it":            {route: "10.213.7.0/24", want: true},
		"a network that holds it": {route: "10.0.0.0/8", want: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var dst *net.IPNet
			if tc.route != "" {
				var err error
				if _, dst, err = net.ParseCIDR(tc.route); err != nil {
					t.Fatal(err)
				}
			}
			if got := overlaps(netip.MustParsePrefix(config.DefaultSubnet), dst); got != tc.want {
				t.Errorf("overlaps = %t, want %t", got, tc.want)
			}
		})
	}
}

func TestIPNet(t *testing.T) {
	if got := ipNet(netip.MustParsePrefix("10.1.128.1/24")).String(); got != "10.1.128.1/24" {
		t.Errorf("ipNet = %s", got)
	}
}

func TestCgroupRoots(t *testing.T) {
	const mounts = `proc /proc proc rw 0 0
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
short
`
	want := []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"}
	if diff := cmp.Diff(want, cgroupRoots(mounts)); diff != "" {
		t.Errorf("roots (-want +got):\n%s", diff)
	}
}

func TestSubCgroups(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "pods", "one"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "pods", "one"), filepath.Join(dir, "pods"), dir}
	if diff := cmp.Diff(want, subCgroups(dir)); diff != "" {
		t.Errorf("children before parents (-want +got):\n%s", diff)
	}
	if got := subCgroups(filepath.Join(dir, "gone")); len(got) != 0 {
		t.Errorf("a cgroup that is not there has %v", got)
	}
}

func TestParsing(t *testing.T) {
	if diff := cmp.Diff([]int{12, 7}, parsePIDs("12\n7\n0\nx\n")); diff != "" {
		t.Errorf("process identifiers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/bin/etcd", "-x"}, splitArgs([]byte("/bin/etcd\x00-x\x00"))); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	for statm, want := range map[string]int64{"100 25 3 4": 25 * 4096, "100": 0, "a b": 0} {
		if got := residentBytes(statm, 4096); got != want {
			t.Errorf("residentBytes(%q) = %d, want %d", statm, got, want)
		}
	}
	if got, want := escapeLayer(`/a:b,c\d`), `/a\:b\,c\\d`; got != want {
		t.Errorf("escapeLayer = %s, want %s", got, want)
	}
}

// A cluster that is not there has no process and cannot be entered.
func TestNoCluster(t *testing.T) {
	cfg, err := config.New("nosuchcluster", config.DefaultSubnet, 1, "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	n := New(cfg.Node(0))
	if ps, err := n.Processes(); err != nil || len(ps) != 0 {
		t.Errorf("processes %v, %v", ps, err)
	}
	if _, ok := n.Running(cfg.Metrics()); ok {
		t.Error("a component runs")
	}
	if err := n.Exec([]string{"true"}); err == nil {
		t.Error("a command runs in a cluster that is not there")
	}
	if _, err := n.Run(nil, "ctr"); err == nil {
		t.Error("a program runs in a cluster that is not there")
	}
	if own := (Process{PID: os.Getpid()}); own.Memory() <= 0 {
		t.Error("this process has no memory")
	}
}
