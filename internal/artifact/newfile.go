// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// CheckNew fails with ErrExists if there is something at path, and with another error if its folder can't be looked into.
func CheckNew(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w: remove it or choose another name", path, ErrExists)
	}
	_, err := os.Stat(filepath.Dir(path))
	return err
}

// WriteNew writes a file that isn't there yet. It appears whole or not at all.
func WriteNew(path string, content []byte) error {
	if err := CheckNew(path); err != nil {
		return err
	}
	_, _, err := replaceFile(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
	return err
}
