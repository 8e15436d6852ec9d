// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package source reads from Git what a release is made from, and refuses what can't be reproduced.
package source

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// Commit is what a release is made from.
type Commit struct {
	Hash string
	// Time of the commit, which everything in the release has that needs a time.
	Time time.Time
	// Previous is the tag of the release before, empty for the first.
	Previous string
	// Changes since then, newest first.
	Changes []Change
}

// Change is a commit since the release before.
type Change struct{ Hash, Subject string }

// Read returns the commit that is checked out in a folder. It is an error if the version is none, if the version's tag is another commit, or if files
// differ from the commit's.
func Read(ctx context.Context, folder, version string) (Commit, error) {
	if semver.Canonical(version) != version || version == "" {
		return Commit{}, fmt.Errorf("VERSION is %q: name a semantic version such as v1.2.3 or v1.2.3-rc.1", version)
	}
	r := repository{ctx, folder}
	if err := r.check(version); err != nil {
		return Commit{}, err
	}
	return r.read(version)
}

// repository asks Git about the checkout in a folder.
type repository struct {
	ctx    context.Context
	folder string
}

func (r repository) git(args ...string) (string, error) {
	out, err := exec.CommandContext(r.ctx, "git", append([]string{"-C", r.folder}, args...)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (r repository) check(version string) error {
	changed, err := r.git("status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("the checkout differs from its commit, so that nobody could make this release again: commit or remove\n%s", changed)
	}
	shallow, err := r.git("rev-parse", "--is-shallow-repository")
	if err != nil {
		return err
	}
	if shallow == "true" {
		return errors.New("the clone is shallow, so that the changes since the release before aren't known: git fetch --unshallow --tags")
	}
	head, err := r.git("rev-parse", "HEAD")
	if err != nil {
		return err
	}
	tagged, err := r.git("rev-parse", "--quiet", "--verify", "refs/tags/"+version+"^{commit}")
	if err == nil && tagged != head {
		return fmt.Errorf("tag %s is commit %.12s, and %.12s is checked out: git checkout %[1]s, or release another version", version, tagged, head)
	}
	return nil
}

func (r repository) read(version string) (Commit, error) {
	hash, err := r.git("rev-parse", "HEAD")
	if err != nil {
		return Commit{}, err
	}
	text, err := r.git("log", "-1", "--format=%cI")
	if err != nil {
		return Commit{}, err
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return Commit{}, err
	}
	c := Commit{Hash: hash, Time: at.UTC(), Previous: r.previous(version)}
	reach := "HEAD"
	if c.Previous != "" {
		reach = c.Previous + "..HEAD"
	}
	log, err := r.git("log", "--no-merges", "--format=%h %s", "--abbrev=12", reach)
	if err != nil {
		return Commit{}, err
	}
	for line := range strings.Lines(log) {
		hash, subject, _ := strings.Cut(strings.TrimSpace(line), " ")
		c.Changes = append(c.Changes, Change{hash, subject})
	}
	return c, nil
}

// previous is the newest tag of a release before this commit. What changed since a release candidate is of interest to the next candidate only.
func (r repository) previous(version string) string {
	args := []string{"describe", "--tags", "--abbrev=0", "--match=v[0-9]*"}
	if semver.Prerelease(version) == "" {
		args = append(args, "--exclude=*-*")
	}
	tag, err := r.git(append(args, "HEAD^")...)
	if err != nil { // no parent, or no tag behind it: this is the first release
		return ""
	}
	return tag
}
