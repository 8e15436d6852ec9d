// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package preflight

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePackages(t *testing.T) {
	const list = "# comment\n\ngcc   the C part of runc\nkmod # loads modules\n"
	got, err := parsePackages(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	want := []debPackage{{"gcc", "the C part of runc"}, {"kmod", ""}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(debPackage{})); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

// The list in the repository says of each package what for.
func TestPackageList(t *testing.T) {
	f, err := os.Open("../../../packages.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := parsePackages(f)
	if err != nil || len(list) == 0 {
		t.Fatalf("%d packages, %v", len(list), err)
	}
	for _, p := range list {
		if p.purpose == "" {
			t.Errorf("package %s has no purpose", p.name)
		}
	}
}

func TestIsDebian(t *testing.T) {
	tests := map[string]bool{
		"ID=debian\n":                               true,
		"NAME=\"Ubuntu\"\nID=ubuntu\n":              true,
		"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n": true,
		"ID=fedora\n":                               false,
		"NAME=debian\nID=other\n":                   false,
		"":                                          false,
	}
	for in, want := range tests {
		if got := isDebian(in); got != want {
			t.Errorf("isDebian(%q) = %t, want %t", in, got, want)
		}
	}
}

func TestMissingPackages(t *testing.T) {
	wanted := []debPackage{{name: "gcc"}, {name: "kmod"}, {name: "nftables"}}
	const query = "gcc installed\nkmod config-files\n"
	want := []debPackage{{name: "kmod"}, {name: "nftables"}}
	if diff := cmp.Diff(want, missingPackages(wanted, query), cmp.AllowUnexported(debPackage{})); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func TestMissingControllers(t *testing.T) {
	write := func(dir string, files map[string]string) string {
		t.Helper()
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	tests := map[string]struct {
		root string
		want []string
	}{
		"version 2":              {root: write(t.TempDir(), map[string]string{"cgroup.controllers": "cpuset cpu io memory pids\n"}), want: []string{}},
		"version 2, no memory":   {root: write(t.TempDir(), map[string]string{"cgroup.controllers": "cpuset cpu pids"}), want: []string{"memory"}},
		"version 1":              {root: write(t.TempDir(), map[string]string{"cpu/tasks": "", "cpuset/tasks": "", "memory/tasks": "", "pids/tasks": ""}), want: []string{}},
		"version 1, not mounted": {root: write(t.TempDir(), map[string]string{"cpu/tasks": ""}), want: []string{"cpuset", "memory", "pids"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, missingControllers(tc.root)); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAvailableMemory(t *testing.T) {
	if got, want := availableMemory("MemTotal: 8 kB\nMemAvailable:    2048 kB\n"), int64(2<<20); got != want {
		t.Errorf("available %d, want %d", got, want)
	}
	if got := availableMemory("MemTotal: 8 kB\n"); got != 0 {
		t.Errorf("available %d of nothing known", got)
	}
}

// What is wrong is said with its remedy, all of it at once.
func TestChecks(t *testing.T) {
	c := &checks{}
	checkDisk(c, filepath.Join(t.TempDir(), "nowhere"))
	c.fail("it is missing", "buy it")
	if len(c.problems) != 2 || c.problems[1].Error() != "it is missing: buy it" {
		t.Errorf("problems %v", c.problems)
	}
}
