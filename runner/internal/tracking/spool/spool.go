// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package spool keeps records on a disk until somebody has taken them: what one process writes, it or a later one reads, in
// order. A record is a JSON document; what it says is the caller's.
//
// A folder holds a spool: the records in one file, a line each, and in another how far they have been taken. One process at
// a time has it open.
package spool

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	recordsFile = "records.jsonl"
	takenFile   = "taken"
	// maxRecord bounds one record in bytes.
	maxRecord = 1 << 20
)

var (
	// ErrFull says that a record would exceed the bound of the spool.
	ErrFull = errors.New("spool is full")
	// ErrLocked says that another process has the spool open.
	ErrLocked = errors.New("another process has it open")
)

// Spool is an open spool. It is safe for concurrent use.
type Spool struct {
	dir   string
	limit int64
	added chan struct{}

	mu    sync.Mutex
	file  *os.File
	size  int64 // of whole records
	taken int64
}

// Entry is a record of a spool and where the next one begins.
type Entry struct {
	Record []byte
	Next   int64
}

// Exists tells whether a folder holds a spool.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, recordsFile))
	return err == nil
}

// Open opens the spool in a folder, which it makes if need be, and drops a record at its end that was not written whole.
// The spool takes up to limit bytes.
func Open(dir string, limit int64) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the spool: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, recordsFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	s := &Spool{dir: dir, limit: limit, file: file, added: make(chan struct{}, 1)}
	if err := s.recover(); err != nil {
		file.Close()
		return nil, fmt.Errorf("open the spool in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Spool) recover() error {
	err := syscall.Flock(int(s.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	// Any other error is of a file system without locks: a run has one pod at a time all the same.
	if s.size, err = wholeRecords(s.file); err != nil {
		return err
	}
	if err := s.file.Truncate(s.size); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(s.dir, takenFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	taken, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err == nil && taken > 0 && taken <= s.size {
		s.taken = taken // else all are returned once more
	}
	return nil
}

// wholeRecords returns how long a file of records is up to the end of the last that ends.
func wholeRecords(file io.ReadSeeker) (int64, error) {
	reader := bufio.NewReader(file)
	var read, whole int64
	for {
		chunk, err := reader.ReadSlice('\n')
		read += int64(len(chunk))
		switch {
		case err == nil:
			whole = read
		case errors.Is(err, io.EOF):
			return whole, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return 0, err
		}
	}
}

// Append adds a record. A durable one, and all before it, is on the disk when Append returns.
func (s *Spool) Append(record any, durable bool) error {
	line, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode a record: %w", err)
	}
	line = append(line, '\n')
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size+int64(len(line)) > s.limit || len(line) > maxRecord {
		return ErrFull
	}
	// One that is cut off is written over by the next.
	if _, err := s.file.WriteAt(line, s.size); err != nil {
		return errors.Join(fmt.Errorf("write to the spool: %w", err), s.file.Truncate(s.size))
	}
	if durable {
		if err := s.file.Sync(); err != nil {
			return fmt.Errorf("write to the spool: %w", err)
		}
	}
	s.size += int64(len(line))
	select {
	case s.added <- struct{}{}:
	default: // the reader has yet to see that there is something
	}
	return nil
}

// Added receives after records were added.
func (s *Spool) Added() <-chan struct{} { return s.added }

// Waiting tells whether records have yet to be taken.
func (s *Spool) Waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken < s.size
}

// Next returns the records that have yet to be taken, the first of them, up to so many bytes but at least one.
func (s *Spool) Next(maxBytes int64) ([]Entry, error) {
	s.mu.Lock()
	from, to := s.taken, s.size
	s.mu.Unlock()
	return s.read(from, to, maxBytes)
}

// All calls take with every record, those that were taken included.
func (s *Spool) All(take func(record []byte)) error {
	s.mu.Lock()
	to := s.size
	s.mu.Unlock()
	for from := int64(0); from < to; {
		entries, err := s.read(from, to, maxRecord)
		if err != nil {
			return err
		}
		for _, e := range entries {
			take(e.Record)
			from = e.Next
		}
	}
	return nil
}

func (s *Spool) read(from, to, maxBytes int64) ([]Entry, error) {
	var entries []Entry
	reader := bufio.NewReader(io.NewSectionReader(s.file, from, to-from))
	for at := from; at < to; {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("read the spool in %s: %w", s.dir, err)
		}
		if len(entries) > 0 && at+int64(len(line))-from > maxBytes {
			break
		}
		at += int64(len(line))
		entries = append(entries, Entry{Record: bytes.TrimSuffix(line, []byte("\n")), Next: at})
	}
	return entries, nil
}

// Take says that everything up to the Next of an entry has been taken.
func (s *Spool) Take(next int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	temporary := filepath.Join(s.dir, takenFile+".new")
	if err := os.WriteFile(temporary, []byte(strconv.FormatInt(next, 10)), 0o644); err != nil {
		return fmt.Errorf("write to the spool: %w", err)
	}
	if err := os.Rename(temporary, filepath.Join(s.dir, takenFile)); err != nil {
		return fmt.Errorf("write to the spool: %w", err)
	}
	s.taken = next
	return nil
}

// Rewind starts over: Next returns all records once more.
func (s *Spool) Rewind() error { return s.Take(0) }

// Close closes the spool. What is in it stays.
func (s *Spool) Close() error { return s.file.Close() }

// Remove closes the spool and removes it, and the folder around it if that is empty then.
func (s *Spool) Remove() error {
	err := errors.Join(os.RemoveAll(s.dir), s.file.Close())
	_ = os.Remove(filepath.Dir(s.dir)) // others' spools may be there
	return err
}
