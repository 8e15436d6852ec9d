// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command server serves a model over HTTP and tests servers that do.
package main

import (
	"os"

	"github.com/trainyard-dev/trainyard/server/command"
)

func main() {
	os.Exit(command.Run(os.Args[1:], command.Options{}))
}
