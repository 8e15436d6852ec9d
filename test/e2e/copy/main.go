// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command copy copies a folder in a pod: images without a shell have no cp.
//
//	copy FROM TO
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: copy FROM TO")
		os.Exit(2)
	}
	if err := os.CopyFS(os.Args[2], os.DirFS(os.Args[1])); err != nil {
		fmt.Fprintln(os.Stderr, "copy:", err)
		os.Exit(1)
	}
}
