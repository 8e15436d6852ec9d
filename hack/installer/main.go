// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command installer prints CRDs, RBAC and manager for the images of a registry and a tag. It runs in the repository's root.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/trainyard-dev/trainyard/hack/internal/installer"
)

func main() {
	registry := flag.String("registry", "", "Registry, and path in it, that the images' names begin with. Empty is none.")
	tag := flag.String("tag", "dev", "Tag of the images.")
	flag.Parse()
	manifests, err := installer.Build(".", installer.Tagged(*registry, *tag))
	if err == nil {
		_, err = os.Stdout.Write(manifests)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "installer:", err)
		os.Exit(1)
	}
}
