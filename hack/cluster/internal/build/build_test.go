// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestGroups(t *testing.T) {
	a, b := Program{Name: "a", Package: "./a"}, Program{Name: "b", Package: "./b"}
	c := Program{Name: "c", Package: "./c", Cgo: true, Tags: "seccomp"}
	got := groups([]Program{c, a, b})
	var names [][]string
	for _, g := range got {
		names = append(names, g.names())
	}
	if diff := cmp.Diff([][]string{{"c"}, {"a", "b"}}, names); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if !got[0].cgo || got[0].tags != "seccomp" || got[1].cgo {
		t.Errorf("the groups' settings are %+v", got)
	}
	if diff := cmp.Diff([]string{"./a", "./b"}, got[1].packages()); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

// The names that envtest looks for are all links of what it builds.
func TestEnvtest(t *testing.T) {
	have := map[string]bool{}
	for _, p := range Envtest() {
		for _, link := range p.Links {
			have[link] = true
		}
	}
	for _, name := range []string{"kube-apiserver", "etcd", "kubectl"} {
		if !have[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestSourceKey(t *testing.T) {
	base := fstest.MapFS{
		"go.mod":       {Data: []byte("module x")},
		"go.sum":       {Data: []byte("sums")},
		"kube/main.go": {Data: []byte("package main")},
	}
	key := func(change func(fstest.MapFS), settings ...string) string {
		dir := fstest.MapFS{}
		for path, file := range base {
			dir[path] = file
		}
		change(dir)
		got, err := sourceKey(dir, settings...)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	same := func(fstest.MapFS) {}
	want := key(same, "go1.26")
	tests := map[string]struct {
		change   func(fstest.MapFS)
		settings []string
		same     bool
	}{
		"nothing":      {change: same, settings: []string{"go1.26"}, same: true},
		"a setting":    {change: same, settings: []string{"go1.27"}},
		"a version":    {change: func(d fstest.MapFS) { d["go.mod"] = &fstest.MapFile{Data: []byte("module y")} }, settings: []string{"go1.26"}},
		"a source":     {change: func(d fstest.MapFS) { d["kube/other.go"] = &fstest.MapFile{} }, settings: []string{"go1.26"}},
		"a test":       {change: func(d fstest.MapFS) { d["kube/main_test.go"] = &fstest.MapFile{} }, settings: []string{"go1.26"}, same: true},
		"another file": {change: func(d fstest.MapFS) { d["README.md"] = &fstest.MapFile{} }, settings: []string{"go1.26"}, same: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := key(tc.change, tc.settings...); (got == want) != tc.same {
				t.Errorf("key %s, before %s: want the same: %t", got, want, tc.same)
			}
		})
	}
}

// writeModule makes a checkout with a components' module and returns its top.
func writeModule(t *testing.T, goMod string) string {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, componentsDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(goMod), 0o644); err != nil {
		t.Fatal(err)
	}
	return top
}

const goMod = "module x\ngo 1.26\nrequire k8s.io/kubernetes v1.37.2\n"

func TestFindSource(t *testing.T) {
	top := writeModule(t, goMod)
	deep := filepath.Join(top, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := FindSource(deep)
	if err != nil {
		t.Fatal(err)
	}
	if s.KubernetesVersion != "v1.37.2" || s.Dir != filepath.Join(top, componentsDir) {
		t.Errorf("FindSource = %+v", s)
	}
	for _, want := range []string{".gitVersion=v1.37.2", ".gitMajor=1 ", ".gitMinor=37"} {
		if !strings.Contains(s.ldflags()+" ", want) {
			t.Errorf("ldflags %q lack %q", s.ldflags(), want)
		}
	}
	if got, want := s.PackageList(), filepath.Join(top, "hack", "packages.txt"); got != want {
		t.Errorf("PackageList() = %s, want %s", got, want)
	}

	t.Setenv(cacheEnv, "/cache")
	bin, err := s.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	if want := "/cache/cluster/1.37.2-" + s.key + "/bin"; bin != want {
		t.Errorf("BinDir() = %s, want %s", bin, want)
	}
	t.Setenv(cacheEnv, "")
	t.Setenv("XDG_CACHE_HOME", "/xdg")
	if bin, err = s.BinDir(); err != nil || !strings.HasPrefix(bin, "/xdg/trainyard/cluster/") {
		t.Errorf("BinDir() = %s, %v, want it in the user's cache folder", bin, err)
	}
}

func TestFindSourceErrors(t *testing.T) {
	tests := map[string]struct{ dir, want string }{
		"no checkout":   {t.TempDir(), "inside a checkout"},
		"no module":     {writeModule(t, "nonsense"), "read the components' module"},
		"no Kubernetes": {writeModule(t, "module x\n"), "does not require k8s.io/kubernetes"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := FindSource(tc.dir); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestMissingAndInstall(t *testing.T) {
	built, bin := t.TempDir(), t.TempDir()
	p := Program{Name: "kube", Links: []string{"etcd", "kubectl"}}
	for range 2 { // the second replaces the first
		if err := os.WriteFile(filepath.Join(built, p.Name), []byte("program"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := install(built, bin, p); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := missing(bin, []Program{p}); err != nil || len(got) != 0 {
		t.Errorf("missing after install: %v, %v", got, err)
	}
	if data, err := os.ReadFile(filepath.Join(bin, "etcd")); err != nil || string(data) != "program" {
		t.Errorf("the link leads to %q, %v", data, err)
	}
	if err := os.Remove(filepath.Join(bin, "kubectl")); err != nil {
		t.Fatal(err)
	}
	if got, err := missing(bin, []Program{p}); err != nil || len(got) != 1 {
		t.Errorf("missing without a link: %v, %v, want the program", got, err)
	}
}
