// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// checkout is a repository whose commits are made a minute apart.
type checkout struct {
	t      *testing.T
	folder string
	clock  time.Time
}

func newCheckout(t *testing.T) *checkout {
	c := &checkout{t, t.TempDir(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	c.git("init", "--quiet", "--initial-branch=main")
	return c
}

func (c *checkout) git(args ...string) string {
	c.t.Helper()
	command := exec.Command("git", append([]string{"-C", c.folder}, args...)...)
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a",
		"GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE="+c.clock.Format(time.RFC3339))
	out, err := command.CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *checkout) commit(subject string) {
	c.t.Helper()
	c.clock = c.clock.Add(time.Minute)
	c.git("commit", "--quiet", "--allow-empty", "-m", subject)
}

func subjects(c Commit) []string {
	var all []string
	for _, change := range c.Changes {
		all = append(all, change.Subject)
	}
	return all
}

func TestRead(t *testing.T) {
	c := newCheckout(t)
	c.commit("first")
	got, err := Read(t.Context(), c.folder, "v0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"first"}, subjects(got)); diff != "" || got.Previous != "" || got.Hash != c.git("rev-parse", "HEAD") || !got.Time.Equal(c.clock) {
		t.Errorf("got %+v at %s (-want +got):\n%s", got, c.clock, diff)
	}

	c.git("tag", "v0.1.0")
	c.commit("second")
	c.git("tag", "v0.2.0-rc.1")
	c.commit("third")
	c.git("tag", "not-a-release")
	c.git("tag", "v0.2.0")
	for version, want := range map[string][]string{"v0.2.0": {"v0.1.0", "third", "second"}, "v0.2.0-rc.2": {"v0.2.0-rc.1", "third"}} {
		got, err := Read(t.Context(), c.folder, version)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, append([]string{got.Previous}, subjects(got)...)); diff != "" {
			t.Errorf("what %s is after and has (-want +got):\n%s", version, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, version := range []string{"", "1.2.3", "v1.2", "v1.2.3+dirty", "v01.2.3", "latest"} {
		if _, err := Read(t.Context(), t.TempDir(), version); err == nil || !strings.Contains(err.Error(), "VERSION is") {
			t.Errorf("version %q: error %v, want one that says what a version is", version, err)
		}
	}
	c := newCheckout(t)
	c.commit("first")
	c.git("tag", "v1.0.0")
	c.commit("second")
	refused := func(folder, version, want string) {
		t.Helper()
		if _, err := Read(t.Context(), folder, version); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	refused(c.folder, "v1.0.0", "git checkout v1.0.0")
	refused(t.TempDir(), "v1.0.0", "not a git repository")
	shallow := filepath.Join(t.TempDir(), "clone")
	c.git("clone", "--quiet", "--depth=1", "file://"+c.folder, shallow)
	refused(shallow, "v1.1.0", "--unshallow")
	if err := os.WriteFile(filepath.Join(c.folder, "new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refused(c.folder, "v1.1.0", "?? new")
}
