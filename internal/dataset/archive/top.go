// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"os"
	"path/filepath"
	"strings"
)

// Top returns the folder of an unpacked archive that holds more than one folder: many archives hold all in one folder
// more. Names that begin with a dot or two underscores are leftovers of those who packed it.
func Top(dir string) (string, error) {
	for range maxDepth {
		below, err := soleFolder(dir)
		if err != nil || below == "" {
			return dir, err
		}
		inner, err := visible(below)
		if err != nil {
			return "", err
		}
		if folders(inner) == 0 {
			return dir, nil
		}
		dir = below
	}
	return dir, nil
}

// soleFolder returns the folder in dir if there is nothing else; empty otherwise.
func soleFolder(dir string) (string, error) {
	entries, err := visible(dir)
	if err != nil || len(entries) != 1 || folders(entries) != 1 {
		return "", err
	}
	return filepath.Join(dir, entries[0].Name()), nil
}

func visible(dir string) ([]os.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	kept := entries[:0]
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") && !strings.HasPrefix(entry.Name(), "__") {
			kept = append(kept, entry)
		}
	}
	return kept, err
}

func folders(entries []os.DirEntry) int {
	n := 0
	for _, entry := range entries {
		if entry.IsDir() {
			n++
		}
	}
	return n
}
