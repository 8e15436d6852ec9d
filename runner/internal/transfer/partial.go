// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// createPartial creates a file beside path that its content is fetched into. As long as it is open it is locked: what a pull
// that was killed has left isn't, and is removed, or a volume would fill with it. Where a file system has no locks, nothing is.
func createPartial(path string) (*os.File, error) {
	folder, prefix := filepath.Dir(path), "."+filepath.Base(path)+".partial-"
	removeStale(folder, prefix)
	file, err := os.CreateTemp(folder, prefix)
	if err == nil {
		_ = lock(file)
	}
	return file, err
}

func removeStale(folder, prefix string) {
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		file, err := os.Open(filepath.Join(folder, entry.Name()))
		if err != nil {
			continue
		}
		if lock(file) == nil {
			_ = os.Remove(file.Name())
		}
		_ = file.Close()
	}
}

// lock locks a file, or fails at once if another has.
func lock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
