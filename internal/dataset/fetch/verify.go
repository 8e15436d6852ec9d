// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

// at is where a file of a remote place lies in the store, or will.
func (s *Store) at(remote Remote, f File) string {
	return s.object(f.key(remote.String(), s.lease.id))
}

// keeps reports whether a file is in the store and is what its hash says.
func (s *Store) keeps(remote Remote, f File) (bool, error) {
	at := s.at(remote, f)
	if !present(at, f.Size) {
		return false, nil
	}
	sum := f.Hash.new()
	if sum == nil {
		return true, nil
	}
	file, err := os.Open(at)
	if err != nil {
		return false, err
	}
	defer file.Close()
	if _, err := io.Copy(sum, file); err != nil {
		return false, err
	}
	return f.Hash.is(sum.Sum(nil)), nil
}

// discard removes a file that isn't what it should be, so that it is fetched again.
func (s *Store) discard(remote Remote, f File) error {
	err := os.Remove(s.at(remote, f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.diskError(err)
}

// matches reports whether data may be the content of a file.
func (f File) matches(data []byte) bool {
	sum := f.Hash.new()
	if sum == nil {
		return true
	}
	sum.Write(data)
	return f.Hash.is(sum.Sum(nil))
}

func (h Hash) is(sum []byte) bool { return hex.EncodeToString(sum) == strings.ToLower(h.Hex) }
