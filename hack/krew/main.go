// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command krew builds the kubectl plugin for each platform and writes what krew installs it by. It runs in the repository's root.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/trainyard-dev/trainyard/hack/internal/krew"
)

func main() {
	version := flag.String("version", "", "Version to release, such as v0.2.0.")
	out := flag.String("out", "out/krew", "Folder to write to.")
	flag.Parse()
	if _, err := krew.Build(context.Background(), *version, *out); err != nil {
		fmt.Fprintln(os.Stderr, "krew:", err)
		os.Exit(1)
	}
}
