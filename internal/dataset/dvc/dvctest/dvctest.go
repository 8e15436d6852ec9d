// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dvctest makes repositories as DVC 3 does, for tests that train on them. That they are as DVC's own is what the
// comparisons of package dvc are for.
package dvctest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Path is where a repository keeps its folder, and Remote the name of its remote.
const (
	Path   = "data/raw"
	Remote = "storage"
)

// New makes a Git repository beside which a folder is kept at Path, and puts the folder's files into a folder of objects, as
// `dvc push` does. keys are lines of the remote's configuration; without any the remote is the folder of objects. It returns the
// repository and its commit.
func New(t testing.TB, kept, objects string, keys ...string) (repo, revision string) {
	t.Helper()
	if len(keys) == 0 {
		keys = []string{"url = " + objects}
	}
	repo = t.TempDir()
	write(t, filepath.Join(repo, ".dvc", "config"), "[core]\n    remote = "+Remote+"\n['remote \""+Remote+"\"']\n    "+strings.Join(keys, "\n    ")+"\n")
	write(t, filepath.Join(repo, filepath.FromSlash(Path)+".dvc"),
		"outs:\n- md5: "+push(t, kept, objects)+".dir\n  hash: md5\n  path: "+filepath.Base(Path)+"\n")
	repository, err := git.PlainInit(repo, false)
	if err != nil {
		t.Fatal(err)
	}
	worktree, err := repository.Worktree()
	if err == nil {
		err = worktree.AddWithOptions(&git.AddOptions{All: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	hash, err := worktree.Commit("Keep the data", &git.CommitOptions{Author: &object.Signature{Name: "t", Email: "t@example.com", When: time.Unix(0, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	return repo, hash.String()
}

// push puts the files of a folder, and the manifest that lists them, into a folder of objects. It returns the manifest's MD5.
func push(t testing.TB, kept, objects string) string {
	t.Helper()
	type entry struct {
		MD5     string `json:"md5"`
		RelPath string `json:"relpath"`
	}
	var entries []entry
	err := filepath.WalkDir(kept, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(kept, at)
		entries = append(entries, entry{put(t, objects, data, ""), filepath.ToSlash(name)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.RelPath, b.RelPath) })
	manifest, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	return put(t, objects, manifest, ".dir")
}

// put puts an object into a folder of objects and returns its MD5.
func put(t testing.TB, objects string, data []byte, suffix string) string {
	t.Helper()
	sum := md5.Sum(data)
	name := hex.EncodeToString(sum[:])
	write(t, filepath.Join(objects, "files", "md5", name[:2], name[2:]+suffix), string(data))
	return name
}

func write(t testing.TB, at, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
