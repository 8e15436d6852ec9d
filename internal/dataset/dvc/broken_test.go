// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// commit makes a repository of files, and of links, whose content begins with "-> ". Those under remote/ are DVC's remote.
func commit(t *testing.T, files map[string]string) (repo string) {
	t.Helper()
	dir := t.TempDir()
	repo = filepath.Join(dir, "repo")
	repository, err := git.PlainInit(repo, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		at := filepath.Join(repo, name)
		if strings.HasPrefix(name, "remote/") {
			at = filepath.Join(dir, name)
		}
		target, isLink := strings.CutPrefix(text, "-> ")
		if !isLink {
			write(t, at, text)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, at); err != nil {
			t.Fatal(err)
		}
	}
	worktree, err := repository.Worktree()
	if err == nil {
		err = worktree.AddWithOptions(&git.AddOptions{All: true})
	}
	if err == nil {
		_, err = worktree.Commit("all", &git.CommitOptions{Author: &object.Signature{Name: "t", Email: "t@example.com", When: time.Unix(0, 0)}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func md5Of(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// with returns files with those of a sound repository, except the ones that are empty.
func with(files map[string]string) map[string]string {
	manifest := `[{"md5": "` + md5Of("a") + `", "relpath": "cat/1"}]`
	all := map[string]string{
		".dvc/config": "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../remote\n",
		"data.dvc":    pointer(manifest, "path: data"),
	}
	addObject(all, "a", "")
	addObject(all, manifest, ".dir")
	for name, text := range files {
		if all[name] = text; text == "" {
			delete(all, name)
		}
	}
	return all
}

func addObject(files map[string]string, content, suffix string) {
	name, _ := layouts(md5Of(content) + suffix)
	files["remote/"+name] = content
}

// pointer is a .dvc file of a folder with a manifest.
func pointer(manifest string, keys ...string) string {
	return "outs:\n- md5: " + md5Of(manifest) + ".dir\n  hash: md5\n  " + strings.Join(keys, "\n  ") + "\n"
}

// withManifest is a repository whose folder has a manifest.
func withManifest(manifest string) map[string]string {
	files := map[string]string{"data.dvc": pointer(manifest, "path: data")}
	addObject(files, manifest, ".dir")
	return files
}

// Each broken or hostile repository is refused by what is wrong with it, and nothing is read outside its folders.
func TestBrokenRepositories(t *testing.T) {
	a := md5Of("a")
	file := func(keys string) string {
		return "outs:\n- md5: " + a + "\n  hash: md5\n  path: data\n  " + keys + "\n"
	}
	config := func(text string) map[string]string { return map[string]string{".dvc/config": text} }
	remote := func(keys string) map[string]string {
		return config("[core]\nremote = store\n['remote \"store\"']\n" + keys + "\n")
	}
	for name, tc := range map[string]struct {
		files map[string]string
		kind  error
		says  string
	}{
		"no DVC repository":     {config(""), dataset.ErrInvalid, "holds no .dvc folder"},
		"no pointer":            {map[string]string{"data.dvc": "", "other": "x"}, dataset.ErrNotFound, "DVC keeps nothing there"},
		"pointer no YAML":       {map[string]string{"data.dvc": "outs: ["}, dataset.ErrInvalid, "data.dvc is no valid YAML"},
		"pointer without outs":  {map[string]string{"data.dvc": "md5: x"}, dataset.ErrInvalid, "names no outs"},
		"pointer a link":        {map[string]string{"data.dvc": "-> /etc/passwd"}, dataset.ErrInvalid, `"data.dvc" is a symbolic link`},
		"config a link":         {config("-> /etc/passwd"), dataset.ErrInvalid, `".dvc/config" is a symbolic link`},
		"aliases that multiply": {map[string]string{"data.dvc": bomb()}, dataset.ErrInvalid, "data.dvc is no valid YAML"},
		"out leads out":         {map[string]string{"data.dvc": file("") + "- md5: " + a + "\n  path: ../../x\n"}, dataset.ErrInvalid, "leads out of the repository"},
		"out absolute":          {map[string]string{"data.dvc": "outs:\n- {md5: " + a + ", path: /etc/passwd}"}, dataset.ErrInvalid, "is absolute"},
		"out elsewhere":         {map[string]string{"data.dvc": "outs:\n- {md5: " + a + ", path: 's3://b/x'}"}, dataset.ErrInvalid, "lies outside the repository"},
		"wdir leads out":        {map[string]string{"data.dvc": "wdir: ../..\n" + file("")}, dataset.ErrInvalid, "leads out of the repository"},
		"hash a path":           {map[string]string{"data.dvc": "outs:\n- {md5: ../../../etc/passwd, hash: md5, path: data}"}, dataset.ErrInvalid, "must be 32 hexadecimal digits"},
		"hash of another kind":  {map[string]string{"data.dvc": "outs:\n- {md5: " + a + ", hash: blake3, path: data}"}, dataset.ErrInvalid, `has the hash "blake3"`},
		"no hash":               {map[string]string{"data.dvc": "outs:\n- {path: data}"}, dataset.ErrInvalid, "has no hash"},
		"etag":                  {map[string]string{"data.dvc": "outs:\n- {etag: x, path: data}"}, dataset.ErrInvalid, "other than MD5"},
		"import":                {map[string]string{"data.dvc": "deps:\n- path: raw\n  repo: {url: 'https://u:secret@example.com/r', rev_lock: abc123}\n" + file("")}, dataset.ErrInvalid, "name that one instead, repo: https://example.com/r, rev: abc123, path: raw"},
		"version-aware":         {map[string]string{"data.dvc": file("version_id: x")}, dataset.ErrInvalid, "version-aware or worktree remote"},
		"not kept":              {map[string]string{"data.dvc": file("cache: false")}, dataset.ErrInvalid, "cache: false"},
		"never pushed":          {map[string]string{"data.dvc": file("push: false")}, dataset.ErrInvalid, "push: false"},
		"lock of DVC 1":         {map[string]string{"data.dvc": "", "dvc.yaml": "stages: {}", "dvc.lock": "make: {}"}, dataset.ErrInvalid, "2.0 is read"},
		"lock without dvc.yaml": {map[string]string{"data.dvc": "", "dvc.lock": "schema: '2.0'\nstages: {}"}, dataset.ErrInvalid, "has no dvc.yaml beside it"},
		"wdir by parameter":     {map[string]string{"data.dvc": "", "dvc.yaml": "stages: {s: {wdir: '${x}'}}", "dvc.lock": "schema: '2.0'\nstages: {s: {outs: [{path: data, md5: " + a + "}]}}"}, dataset.ErrInvalid, "depends on parameters"},
		"config broken":         {config("[core\nremote = x"), dataset.ErrInvalid, "line 1: a section must end with ]"},
		"no default remote":     {config("# none"), dataset.ErrInvalid, "names no default remote"},
		"unknown remote":        {config("[core]\nremote = other\n"), dataset.ErrInvalid, `names no remote "other"`},
		"remotes in a circle":   {config("[core]\nremote = a\n['remote \"a\"']\nurl = remote://b\n['remote \"b\"']\nurl = remote://a\n"), dataset.ErrInvalid, "in a circle"},
		"remote over ssh":       {remote("url = ssh://host/x"), dataset.ErrInvalid, "ssh://, which is not supported"},
		"remote worktree":       {remote("url = ../../remote\nworktree = true"), dataset.ErrInvalid, "worktree = true"},
		"remote missing":        {remote("url = /nowhere/remote"), dataset.ErrNotFound, `"/nowhere/remote", which does not exist here`},
		"password over http":    {remote("url = http://127.0.0.1:1/x\nuser = u\npassword = secret"), dataset.ErrInvalid, "use https"},
		"manifest missing":      {map[string]string{"data.dvc": pointer("never pushed", "path: data")}, dataset.ErrNotFound, "run `dvc push`"},
		"manifest no JSON":      {withManifest("[{"), dataset.ErrInvalid, "is no list of files"},
		"manifest leads out":    {withManifest(`[{"md5": "` + a + `", "relpath": "../x"}]`), dataset.ErrInvalid, `"../x" leads out of its folder`},
		"manifest absolute":     {withManifest(`[{"md5": "` + a + `", "relpath": "/etc/x"}]`), dataset.ErrInvalid, "is absolute"},
		"manifest hash a path":  {withManifest(`[{"md5": "../../x", "relpath": "x"}]`), dataset.ErrInvalid, "must be 32 hexadecimal digits"},
		"manifest names twice":  {withManifest(`[{"md5": "` + a + `", "relpath": "x"}, {"md5": "` + a + `", "relpath": "./x"}]`), dataset.ErrInvalid, `lists "x" twice`},
		"manifest file and dir": {withManifest(`[{"md5": "` + a + `", "relpath": "x"}, {"md5": "` + a + `", "relpath": "x/y"}]`), dataset.ErrInvalid, "both as a file and as a folder"},
		"manifest damaged":      {damaged(), dataset.ErrInvalid, "it is damaged in the remote"},
		"a link as the path":    {map[string]string{"data.dvc": "", "data": "-> /etc"}, dataset.ErrInvalid, "symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			files := with(tc.files)
			if tc.files[".dvc/config"] == "" && name == "no DVC repository" {
				delete(files, ".dvc/config")
			}
			d, err := Open(t.Context(), Location{Repo: commit(t, files), Path: "data"}, Access{})
			if err == nil {
				defer d.Close()
				_, err = d.List(t.Context())
			}
			if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %v that says %q", err, tc.kind, tc.says)
			}
		})
	}
}

// The repository that the broken ones are made from is sound.
func TestSoundRepository(t *testing.T) {
	got, _ := readDataset(t, Location{Repo: commit(t, with(nil)), Path: "data"})
	if len(got) != 1 || got["cat/1"] != "a" {
		t.Errorf("got %v", got)
	}
}

// What is wrong with one pointer, such as a private import, keeps nobody from reading another.
func TestBrokenPointersElsewhereDoNotMatter(t *testing.T) {
	repo := commit(t, with(map[string]string{"other.dvc": "outs: [", "more.dvc": "outs:\n- {path: more}"}))
	if got, _ := readDataset(t, Location{Repo: repo, Path: "data"}); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestRemotesThatReferToOthers(t *testing.T) {
	repo := commit(t, with(map[string]string{".dvc/config": "['remote \"Base\"']\nurl = ../..\n[core]\nremote = \"store\" # which is below\n['remote \"store\"']\nurl = remote://base/remote\n"}))
	if got, _ := readDataset(t, Location{Repo: repo, Path: "data"}); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

// A repository on this machine may say in config.local, which Git never has, where its remote is.
func TestLocalConfiguration(t *testing.T) {
	repo := commit(t, with(map[string]string{".dvc/config": "[core]\nremote = store\n['remote \"store\"']\nurl = /nowhere\n"}))
	write(t, filepath.Join(repo, ".dvc", "config.local"), "['remote \"store\"']\nurl = ../../remote\n")
	if got, _ := readDataset(t, Location{Repo: repo, Path: "data"}); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestBucketURIs(t *testing.T) {
	for want, tc := range map[string]struct {
		scheme, rest string
		keys         map[string]string
	}{
		"s3://b/p/q?region=eu-central-1":                                     {"s3", "b/p/q", map[string]string{"region": "eu-central-1"}},
		"s3://b/?endpoint=http%3A%2F%2F127.0.0.1%3A7070&use_path_style=true": {"s3", "b", map[string]string{"endpointurl": "http://127.0.0.1:7070"}},
		"gs://b/p":                         {"gs", "b/p", nil},
		"azblob://c/p?storage_account=acc": {"azure", "c/p", map[string]string{"account_name": "acc"}},
	} {
		if got, err := bucketURI(tc.scheme, tc.rest, tc.keys); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	if _, err := bucketURI("s3", "b/p?x=y", nil); !errors.Is(err, dataset.ErrInvalid) {
		t.Errorf("a query: got %v", err)
	}
}

// bomb is a document of a kilobyte with a billion entries.
func bomb() string {
	var text strings.Builder
	text.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := byte('0'); i < '9'; i++ {
		alias := "*a" + string(i)
		text.WriteString("a" + string(i+1) + ": &a" + string(i+1) + " [" + strings.Repeat(alias+", ", 8) + alias + "]\n")
	}
	return text.String() + "outs: *a9\n"
}

func damaged() map[string]string {
	files := withManifest("[]")
	for name := range files {
		if strings.HasPrefix(name, "remote/") {
			files[name] = "[] "
		}
	}
	return files
}
