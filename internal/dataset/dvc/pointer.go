// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// out is an output that DVC keeps, as a .dvc file or a dvc.lock names it.
type out struct {
	file   string // that names it, for messages
	path   string // within the repository
	md5    string // hex; of a folder with .dir behind it
	legacy bool
	size   int64
	remote string
	// below is the part of a folder's path that was asked for; "." is all of it. under is where its files go.
	below, under string
}

// String names the out in messages.
func (o out) String() string { return fmt.Sprintf("%q (in %s)", o.path, o.file) }

// dir is the suffix of the hash of a folder.
const dirSuffix = ".dir"

// document is a .dvc file, or a stage of a dvc.lock.
type document struct {
	WDir string       `yaml:"wdir"`
	Outs []outEntry   `yaml:"outs"`
	Deps []dependency `yaml:"deps"`
}

type outEntry struct {
	Path      string         `yaml:"path"`
	MD5       string         `yaml:"md5"`
	ETag      string         `yaml:"etag"`
	Checksum  string         `yaml:"checksum"`
	Hash      string         `yaml:"hash"`
	Size      *int64         `yaml:"size"`
	Cache     *bool          `yaml:"cache"`
	Push      *bool          `yaml:"push"`
	Remote    string         `yaml:"remote"`
	VersionID string         `yaml:"version_id"`
	Cloud     map[string]any `yaml:"cloud"`
	Files     []any          `yaml:"files"`
}

type dependency struct {
	Path string `yaml:"path"`
	Repo *struct {
		URL     string `yaml:"url"`
		Rev     string `yaml:"rev"`
		RevLock string `yaml:"rev_lock"`
	} `yaml:"repo"`
}

// lock is a dvc.lock, and pipeline the dvc.yaml beside it.
type lock struct {
	Schema any                 `yaml:"schema"`
	Stages map[string]document `yaml:"stages"`
}

type pipeline struct {
	Stages map[string]struct {
		WDir string `yaml:"wdir"`
		Do   struct {
			WDir string `yaml:"wdir"`
		} `yaml:"do"`
	} `yaml:"stages"`
}

// decode reads one YAML document. The library refuses aliases that multiply.
func decode(file string, r io.Reader, into any) error {
	if err := yaml.NewDecoder(r).Decode(into); err != nil {
		return invalid("%s is no valid YAML document: %s", file, shorten(err.Error()))
	}
	return nil
}

// shorten keeps an error of a parser from carrying a whole file.
func shorten(message string) string {
	const most = 200
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > most {
		message = strings.ToValidUTF8(message[:most], "") + "…"
	}
	return message
}

// place is where an entry of a document lies in the repository. root is the folder of the DVC repository.
func place(root, file, wdir, entry string) (string, error) {
	if strings.Contains(entry, "://") {
		return "", invalid("%s names %q, which lies outside the repository: dataset.dvc reads what DVC keeps in its cache", file, shorten(entry))
	}
	for _, p := range []string{wdir, entry} {
		if path.IsAbs(p) || strings.ContainsAny(p, "\x00\\") || len(p) > maxPathBytes {
			return "", invalid("%s names the path %q, which is absolute or no path in a repository", file, shorten(p))
		}
	}
	at := path.Join(path.Dir(file), wdir, entry)
	if _, ok := within(root, at); !ok || at == ".." || strings.HasPrefix(at, "../") || entry == "" {
		return "", invalid("%s names the path %q, which leads out of the repository", file, shorten(path.Join(wdir, entry)))
	}
	return at, nil
}

// read makes an out of an entry of a document.
func (d document) read(file, at string, e outEntry) (out, error) {
	o := out{file: file, path: at, md5: e.MD5, size: -1, remote: strings.ToLower(e.Remote)}
	if e.Size != nil && *e.Size >= 0 {
		o.size = *e.Size
	}
	for _, dep := range d.Deps {
		if dep.Repo != nil {
			return o, invalid("%v is imported from another repository by `dvc import`: name that one instead, repo: %s, rev: %s, path: %s",
				o, redacted(dep.Repo.URL), shorten(dep.Repo.RevLock), shorten(dep.Path))
		}
	}
	switch {
	case len(e.Files) > 0 || e.VersionID != "" || len(e.Cloud) > 0:
		return o, invalid("%v lies in a version-aware or worktree remote, which is not read: push it to an ordinary remote by `dvc push -r NAME`", o)
	case e.Cache != nil && !*e.Cache:
		return o, invalid("%v is not kept by DVC (cache: false): keep it by `dvc add`, or mount it", o)
	case e.Push != nil && !*e.Push:
		return o, invalid("%v is never pushed to a remote (push: false): remove that, and run `dvc push`", o)
	case e.MD5 == "" && (e.ETag != "" || e.Checksum != ""):
		return o, invalid("%v has a hash other than MD5: only what DVC keeps in its cache by MD5 is read", o)
	case e.MD5 == "":
		return o, invalid("%v has no hash: it was made with --no-download or never committed; run `dvc commit` and `dvc push`", o)
	}
	switch e.Hash {
	case "md5":
	case "":
		o.legacy = true
	default:
		return o, invalid("%v has the hash %q: only md5 is read", o, shorten(e.Hash))
	}
	return o, checkSum(o.String(), strings.TrimSuffix(o.md5, dirSuffix))
}

// checkSum refuses what is no MD5: it becomes part of a path.
func checkSum(what, sum string) error {
	raw, err := hex.DecodeString(sum)
	if err != nil || len(raw) != 16 || strings.ToLower(sum) != sum {
		return invalid("%s has the MD5 %q: it must be 32 hexadecimal digits in lower case", what, shorten(sum))
	}
	return nil
}

// redacted is a URL without credentials.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(a URL that can't be parsed)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return shorten(u.String())
}
