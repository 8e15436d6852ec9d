// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package checksum writes what sha256sum --check reads.
package checksum

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// File is the name of the list.
const File = "SHA256SUMS"

// Sum is a file's name and its SHA-256 in hexadecimal digits.
type Sum struct{ Name, SHA256 string }

// Of returns the sums of the files in a folder, by their names.
func Of(folder string) ([]Sum, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var sums []Sum
	for _, entry := range entries {
		if entry.IsDir() || entry.Name() == File {
			continue
		}
		sum, err := of(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		sums = append(sums, Sum{entry.Name(), sum})
	}
	return sums, nil
}

func of(path string) (string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, in); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// Write lists the sums of a folder's files in it.
func Write(folder string) error {
	sums, err := Of(folder)
	if err != nil {
		return err
	}
	var list bytes.Buffer
	for _, s := range sums {
		fmt.Fprintf(&list, "%s  %s\n", s.SHA256, s.Name)
	}
	return os.WriteFile(filepath.Join(folder, File), list.Bytes(), 0o644)
}
