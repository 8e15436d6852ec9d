// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestParseTargets(t *testing.T) {
	got, err := ParseTargets([]string{"trainyard-manager=.", "trainyard-runner=./runner"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Target{{"trainyard-manager", "."}, {"trainyard-runner", "./runner"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	for _, args := range [][]string{{"x"}, {"x="}, {"=./x"}, {"X=./x"}, {"a/b=./x"}, {"x=.", "x=./y"}} {
		if _, err := ParseTargets(args); err == nil {
			t.Errorf("targets %v are taken", args)
		}
	}
}

func TestBuild(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := Options{Dir: filepath.Join(dir, "images"), Registry: "registry.example/team/", Tag: "v1", Architecture: runtime.GOARCH}
	if err := Build(t.Context(), o, []Target{{Name: "x", Package: source}}, &out); err != nil {
		t.Fatal(err)
	}
	const ref = "registry.example/team/x:v1"
	if !strings.HasPrefix(out.String(), ref+": ") {
		t.Errorf("printed %q, want the name first", out.String())
	}
	manifest, err := tarball.LoadManifest(opener(filepath.Join(o.Dir, "x.tar")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{ref}, manifest[0].RepoTags); diff != "" {
		t.Errorf("names in the archive (-want +got):\n%s", diff)
	}

	err = Build(t.Context(), o, []Target{{Name: "y", Package: filepath.Join(dir, "none.go")}}, &out)
	if err == nil || !strings.Contains(err.Error(), "image y: go build") {
		t.Errorf("error %v, want the image's name and the compiler's words", err)
	}
	o.MaxMegabytes = map[string]int{"x": 0, "z": 100}
	err = Build(t.Context(), o, []Target{{Name: "z", Package: source}, {Name: "x", Package: source}}, &out)
	if err == nil || !strings.Contains(err.Error(), "image x has more than its 0 MB") {
		t.Errorf("error %v, want the image that is too large", err)
	}
	o.Architecture = "abacus"
	err = Build(t.Context(), o, []Target{{Name: "x", Package: source}}, &out)
	if err == nil || !strings.Contains(err.Error(), "linux/abacus") {
		t.Errorf("error %v, want the unknown architecture", err)
	}
}

func opener(path string) tarball.Opener {
	return func() (io.ReadCloser, error) { return os.Open(path) }
}
