// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// place is a remote place in memory that counts what it serves.
type place struct {
	name    string
	content map[string]string
	// listed, if set, changes how a file is listed.
	listed func(*File)
	// fail, if set, is asked before the n-th opening of a file, from 1.
	fail func(path string, n int) error

	// server is what name leaves out; lost, if set, fails a listing.
	server string
	lost   error

	mu     sync.Mutex
	opened map[string]int
}

func (p *place) String() string { return p.name }

func (p *place) Identity() string { return p.name + p.server }

func (p *place) List(context.Context) ([]File, error) {
	if p.lost != nil {
		return nil, p.lost
	}
	var files []File
	for path, content := range p.content {
		f := File{Path: path, Size: int64(len(content)), Hash: Hash{Algorithm: MD5, Hex: sumOf(content)}}
		if p.listed != nil {
			p.listed(&f)
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

func sumOf(content string) string { return fmt.Sprintf("%x", md5.Sum([]byte(content))) }

func (p *place) Open(_ context.Context, f File) (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened == nil {
		p.opened = map[string]int{}
	}
	p.opened[f.Path]++
	if p.fail != nil {
		if err := p.fail(f.Path, p.opened[f.Path]); err != nil {
			return nil, err
		}
	}
	return io.NopCloser(strings.NewReader(p.content[f.Path])), nil
}

func (p *place) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, times := range p.opened {
		n += times
	}
	return n
}

func open(t *testing.T, dir string, opts Options) *Store {
	t.Helper()
	opts.Field = "dataset.cache"
	s, err := Open(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	s.patience.First = 0 // no pauses
	return s
}

func fetchAll(t *testing.T, s *Store, p *place) ([]string, error) {
	t.Helper()
	files, err := p.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Fetch(t.Context(), p, files)
}

// numbered is a place of n files of the given size.
func numbered(n, size int) *place {
	p := &place{name: "s3://pets", content: map[string]string{}}
	for i := range n {
		p.content[fmt.Sprintf("%d/%d.jpg", i%3, i)] = strings.Repeat(fmt.Sprintf("%09d", i), size/9+1)[:size]
	}
	return p
}

func TestFetchedOnce(t *testing.T) {
	for name, listed := range map[string]func(*File){
		"by hash":                  nil,
		"by sha256 in large hex":   func(f *File) { f.Hash.Hex = strings.ToUpper(f.Hash.Hex) },
		"by version":               func(f *File) { f.Hash, f.Version = Hash{}, "etag of "+f.Path },
		"by version, size unknown": func(f *File) { f.Hash, f.Version, f.Size = Hash{}, "etag of "+f.Path, -1 },
		"by a hash of its own": func(f *File) {
			f.Hash.Algorithm, f.Hash.New = "md5-dos2unix", md5.New
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, dir := numbered(50, 100), t.TempDir()
			p.listed = listed
			var last Progress
			for run := range 3 {
				paths, err := fetchAll(t, open(t, dir, Options{Progress: func(p Progress) { last = p }}), p)
				if err != nil {
					t.Fatal(err)
				}
				files, _ := p.List(t.Context())
				for i, f := range files {
					if data, err := os.ReadFile(paths[i]); err != nil || string(data) != p.content[f.Path] {
						t.Errorf("%s is %q, %v", f.Path, data, err)
					}
				}
				want := Progress{Kept: 50}
				if run == 0 {
					want = Progress{Files: 50, TotalFiles: 50, Bytes: 5000, TotalBytes: 5000}
					if files[0].Size < 0 {
						want.TotalBytes = -1
					}
				}
				if diff := cmp.Diff(want, last); diff != "" {
					t.Errorf("run %d: progress (-want +got):\n%s", run, diff)
				}
			}
			if p.count() != 50 {
				t.Errorf("%d files were served, want 50", p.count())
			}
		})
	}
}

func TestWithoutHashAndVersionEachRunFetches(t *testing.T) {
	p, dir := numbered(5, 10), t.TempDir()
	p.listed = func(f *File) { f.Hash = Hash{} }
	for range 2 {
		if _, err := fetchAll(t, open(t, dir, Options{}), p); err != nil {
			t.Fatal(err)
		}
	}
	if p.count() != 10 {
		t.Errorf("%d files were served, want 10", p.count())
	}
}

func TestRetries(t *testing.T) {
	flaky := errors.New("connection reset")
	for name, tc := range map[string]struct {
		fail   func(path string, n int) error
		listed func(*File)
		opened int
		is     error
		says   string
	}{
		"what passes":      {fail: func(_ string, n int) error { return map[bool]error{true: flaky}[n < 4] }, opened: 4},
		"what doesn't":     {fail: func(string, int) error { return flaky }, opened: attempts, is: flaky, says: "s3://pets: 0/0.jpg: tried 7 times in "},
		"credentials":      {fail: func(string, int) error { return dataset.ErrCredentials }, opened: 1, is: dataset.ErrCredentials},
		"another content":  {listed: func(f *File) { f.Hash.Hex = strings.Repeat("0", 32) }, opened: attempts, is: errDiffers, says: "its md5 is"},
		"a shorter file":   {listed: func(f *File) { f.Size++ }, opened: attempts, is: errDiffers, says: "100 bytes, 101 are listed"},
		"a longer file":    {listed: func(f *File) { f.Size-- }, opened: attempts, is: errDiffers, says: "more than 99 bytes, 99 are listed"},
		"an empty listing": {listed: func(f *File) { f.Size = 0 }, opened: attempts, is: errDiffers, says: "more than 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			p, dir := numbered(1, 100), t.TempDir()
			p.fail, p.listed = tc.fail, tc.listed
			_, err := fetchAll(t, open(t, dir, Options{}), p)
			if !errors.Is(err, tc.is) || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %v: %s", err, tc.is, tc.says)
			}
			if p.count() != tc.opened {
				t.Errorf("opened %d times, want %d", p.count(), tc.opened)
			}
			if parts, _ := os.ReadDir(filepath.Join(dir, partsDir)); len(parts) > 0 {
				t.Errorf("parts are left: %v", parts)
			}
		})
	}
}

func TestHostileListings(t *testing.T) {
	sum := Hash{Algorithm: MD5, Hex: strings.Repeat("0", 32)}
	for name, files := range map[string][]File{
		"up":                  {{Path: "../a.jpg"}},
		"up in between":       {{Path: "cat/../../a.jpg"}},
		"absolute":            {{Path: "/etc/passwd"}},
		"empty":               {{Path: ""}},
		"zero byte":           {{Path: "a\x00b"}},
		"endless":             {{Path: strings.Repeat("a/", 3000) + "a"}},
		"twice":               {{Path: "cat/a.jpg"}, {Path: "cat/a.jpg"}},
		"file and folder":     {{Path: "cat"}, {Path: "cat/a.jpg"}},
		"unknown algorithm":   {{Path: "a", Hash: Hash{Algorithm: "crc", Hex: "00"}}},
		"hash of a path":      {{Path: "a", Hash: Hash{Algorithm: MD5, Hex: "../../../../../../etc/passwd0000"}}},
		"algorithm of a path": {{Path: "a", Hash: Hash{Algorithm: "../x", Hex: sum.Hex, New: md5.New}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &place{name: "s3://pets"}
			_, err := open(t, t.TempDir(), Options{}).Fetch(t.Context(), p, files)
			if !errors.Is(err, dataset.ErrInvalid) || !strings.Contains(err.Error(), "s3://pets") || p.count() > 0 {
				t.Errorf("got %v after %d openings", err, p.count())
			}
		})
	}
}

// used sets when a dataset was used last, by what is on the disk.
func used(t *testing.T, dir string, at time.Time) {
	t.Helper()
	for _, folder := range []string{objectsDir, usesDir, leasesDir} {
		err := filepath.WalkDir(filepath.Join(dir, folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil && time.Since(info.ModTime()) < time.Hour {
				err = os.Chtimes(path, at, at)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	dir := t.TempDir()
	sets := map[string]*place{}
	for i, name := range []string{"a", "b", "c"} {
		sets[name] = &place{name: name, content: map[string]string{"x/1": name + "1..", "x/2": name + "2.."}}
		s := open(t, dir, Options{MaxBytes: 24})
		if _, err := fetchAll(t, s, sets[name]); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		used(t, dir, time.Now().Add(-time.Duration(30-i)*24*time.Hour))
	}
	// a is used again, by a run that is killed; its lease expires.
	if _, err := fetchAll(t, open(t, dir, Options{}), sets["a"]); err != nil {
		t.Fatal(err)
	}
	used(t, dir, time.Now().Add(-2*expiry))
	sets["d"] = &place{name: "d", content: map[string]string{"x/1": "d1..", "x/2": "d2.."}}
	if _, err := fetchAll(t, open(t, dir, Options{MaxBytes: 24}), sets["d"]); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		files, _ := sets[name].List(t.Context())
		for _, f := range files {
			if got := present(filepath.Join(dir, objectsDir, f.key("", "")), f.Size); got != want {
				t.Errorf("%s of %s is there: %v, want %v", f.Path, name, got, want)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	t.Run("the dataset itself", func(t *testing.T) {
		p := numbered(3, 100)
		_, err := fetchAll(t, open(t, t.TempDir(), Options{MaxBytes: 299}), p)
		if !errors.Is(err, dataset.ErrConfig) || !strings.Contains(err.Error(), "300 bytes, dataset.cache.sizeLimit allows 299") || p.count() > 0 {
			t.Errorf("got %v after %d openings", err, p.count())
		}
	})
	t.Run("a file of unknown size", func(t *testing.T) {
		p := numbered(1, 300)
		p.listed = func(f *File) { f.Size = -1 }
		_, err := fetchAll(t, open(t, t.TempDir(), Options{MaxBytes: 299}), p)
		if !errors.Is(err, dataset.ErrConfig) || !strings.Contains(err.Error(), "dataset.cache.sizeLimit") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("files of a running run", func(t *testing.T) {
		dir := t.TempDir()
		first := open(t, dir, Options{MaxBytes: 300})
		paths, err := fetchAll(t, first, numbered(2, 100))
		if err != nil {
			t.Fatal(err)
		}
		other := numbered(2, 120)
		if _, err = fetchAll(t, open(t, dir, Options{MaxBytes: 300}), other); !errors.Is(err, errFull) || other.count() > 0 {
			t.Errorf("got %v", err)
		}
		for _, path := range paths {
			if !present(path, 100) {
				t.Errorf("%s is gone", path)
			}
		}
	})
	t.Run("a full disk", func(t *testing.T) {
		s := open(t, t.TempDir(), Options{})
		err := s.diskError(fmt.Errorf("write: %w", syscall.ENOSPC))
		if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "dataset.cache.sizeLimit") {
			t.Errorf("got %v", err)
		}
	})
}

// A run that begins to use what another is about to evict keeps it, whichever comes first.
func TestEvictionSeesNewLeases(t *testing.T) {
	dir := t.TempDir()
	p := numbered(2, 100)
	before := open(t, dir, Options{})
	paths, err := fetchAll(t, before, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	evictor := open(t, dir, Options{MaxBytes: 200})
	idle, err := evictor.objects()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fetchAll(t, open(t, dir, Options{}), p); err != nil {
		t.Fatal(err)
	}
	if err := evictor.remove(idle); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if !present(path, 100) {
			t.Errorf("%s is gone", path)
		}
	}
}

func TestTornFileIsFetchedAgain(t *testing.T) {
	p, dir := numbered(1, 100), t.TempDir()
	paths, err := fetchAll(t, open(t, dir, Options{}), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(paths[0], 0); err != nil {
		t.Fatal(err)
	}
	if _, err = fetchAll(t, open(t, dir, Options{}), p); err != nil || !present(paths[0], 100) {
		t.Errorf("still torn, %v", err)
	}
}

func TestPartsOfDeadRunsGo(t *testing.T) {
	dir := t.TempDir()
	dead, alive := open(t, dir, Options{}), open(t, dir, Options{})
	for _, s := range []*Store{dead, alive} {
		if _, err := fetchAll(t, s, numbered(1, 10)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, partsDir, s.lease.id+".9"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * expiry)
	if err := os.Chtimes(dead.lease.path, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := fetchAll(t, open(t, dir, Options{}), numbered(2, 20)); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, partsDir, "*"))
	if diff := cmp.Diff([]string{filepath.Join(dir, partsDir, alive.lease.id+".9")}, left); err != nil || diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}
