// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command runner trains an image classifier and publishes it as an artifact that the server can serve.
package main

import (
	"os"

	"github.com/trainyard-dev/trainyard/runner/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
