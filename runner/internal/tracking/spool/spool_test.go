// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, dir string, limit int64) *Spool {
	t.Helper()
	s, err := Open(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func add(t *testing.T, s *Spool, records ...string) {
	t.Helper()
	for _, record := range records {
		if err := s.Append(record, true); err != nil {
			t.Fatal(err)
		}
	}
}

// next are the records that are to be taken, and takes the first n of them.
func next(t *testing.T, s *Spool, maxBytes int64, n int) []string {
	t.Helper()
	entries, err := s.Next(maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	var records []string
	for i, e := range entries {
		records = append(records, string(e.Record))
		if i+1 == n {
			if err := s.Take(e.Next); err != nil {
				t.Fatal(err)
			}
		}
	}
	return records
}

func check(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTakenInOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spools", "pets")
	s := open(t, dir, 1000)
	if s.Waiting() || Exists(filepath.Dir(dir)) || !Exists(dir) {
		t.Error("a new spool has something, or isn't there")
	}
	add(t, s, "a", "b", "c")
	<-s.Added()
	check(t, "up to eight bytes", next(t, s, 8, 0), `"a"`, `"b"`)
	check(t, "at least one", next(t, s, 1, 1), `"a"`)
	check(t, "after the first", next(t, s, 1000, 2), `"b"`, `"c"`)
	if s.Waiting() {
		t.Error("something waits though all were taken")
	}
	add(t, s, "d")
	check(t, "a later one", next(t, s, 1000, 0), `"d"`)
	s.Close()

	s = open(t, dir, 1000)
	check(t, "in another process", next(t, s, 1000, 0), `"d"`)
	var all []string
	if err := s.All(func(record []byte) { all = append(all, string(record)) }); err != nil {
		t.Fatal(err)
	}
	check(t, "all", all, `"a"`, `"b"`, `"c"`, `"d"`)
	if err := s.Rewind(); err != nil {
		t.Fatal(err)
	}
	check(t, "again", next(t, s, 1000, 0), `"a"`, `"b"`, `"c"`, `"d"`)
	if err := s.Remove(); err != nil || Exists(dir) {
		t.Errorf("removed: %v, still there: %v", err, Exists(dir))
	}
	if _, err := os.Stat(filepath.Dir(dir)); err == nil {
		t.Error("the folder around it is left behind")
	}
}

func TestCutOff(t *testing.T) {
	dir := t.TempDir()
	records := filepath.Join(dir, recordsFile)
	if err := os.WriteFile(records, []byte("\"a\"\n\"b"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, takenFile), []byte("9999"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, 1000)
	add(t, s, "c")
	check(t, "after a crash", next(t, s, 1000, 0), `"a"`, `"c"`)
}

func TestBounds(t *testing.T) {
	s := open(t, t.TempDir(), 10)
	add(t, s, "a", "b")
	if err := s.Append("c", false); !errors.Is(err, ErrFull) {
		t.Errorf("a full spool takes more: %v", err)
	}
	check(t, "what fits", next(t, s, 1000, 0), `"a"`, `"b"`)
	if err := open(t, t.TempDir(), 10<<20).Append(strings.Repeat("x", maxRecord), false); !errors.Is(err, ErrFull) {
		t.Errorf("a record of any size is taken: %v", err)
	}
	if err := s.Append(func() {}, false); err == nil {
		t.Error("a function was written")
	}
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1000)
	if _, err := Open(dir, 1000); !errors.Is(err, ErrLocked) {
		t.Errorf("a second one opens it: %v", err)
	}
	s.Close()
	open(t, dir, 1000)
}

func TestNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "spool"), 1000); err == nil {
		t.Error("a spool in a file was opened")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, recordsFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, 1000); err == nil {
		t.Error("a folder passed for records")
	}
}
