// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// What can be wrong with a file itself; test with errors.Is.
var (
	// ErrDigest reports a file whose content is not what was published.
	ErrDigest = errors.New("the file's content has another digest than the one expected")
	// ErrTooLarge reports a file that is larger than any of its kind.
	ErrTooLarge = errors.New("the file is too large")
)

// FileDigest returns the SHA-256 of a file, in hex, and its size in bytes.
func FileDigest(path string) (digest string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// ReadVerified returns a file's content and its SHA-256, in hex. The content is verified against
// want, unless want is empty; a mismatch is ErrDigest. A file of more than maxBytes is ErrTooLarge, and not read if it says so itself.
func ReadVerified(path, want string, maxBytes int64) (data []byte, digest string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxBytes {
		return nil, "", fmt.Errorf("%s: %w: it has %d bytes, at most %d are read", path, ErrTooLarge, info.Size(), maxBytes)
	}
	if data, err = io.ReadAll(io.LimitReader(f, maxBytes+1)); err != nil {
		return nil, "", fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(data)) > maxBytes { // it grows, or is no plain file
		return nil, "", fmt.Errorf("%s: %w: at most %d bytes are read", path, ErrTooLarge, maxBytes)
	}
	sum := sha256.Sum256(data)
	digest = hex.EncodeToString(sum[:])
	if err := checkDigest(path, digest, want); err != nil {
		return nil, "", err
	}
	return data, digest, nil
}

func checkDigest(path, got, want string) error {
	if want != "" && got != want {
		return fmt.Errorf("%s: %w: sha256 is %s, want %s", path, ErrDigest, got, want)
	}
	return nil
}
