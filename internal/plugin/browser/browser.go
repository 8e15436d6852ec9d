// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package browser opens pages as the desktop does.
package browser

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
)

// Open opens a file or a URL.
func Open(ctx context.Context, page string) error {
	program := map[string]string{"darwin": "open", "windows": "explorer"}[runtime.GOOS]
	if program == "" {
		program = "xdg-open"
	}
	if err := exec.CommandContext(ctx, program, page).Run(); err != nil { //nolint:gosec // a page of the plugin's own
		return fmt.Errorf("open %s: %w: open it in a browser yourself", page, err)
	}
	return nil
}
