// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command asm generates the AVX2 kernels of package kernels: run "go generate" there.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
)

const header = `// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

`

func main() {
	log.SetFlags(0)
	build.ConstraintExpr("amd64")
	gemmTile()
	convTile()
	convWeightTile()
	vectors()
	normPool()
	normPoolSums()
	normPoolBackward()
	build.Generate()
	for _, name := range []string{"out", "stubs"} {
		if err := addHeader(flag.Lookup(name).Value.String()); err != nil {
			log.Fatal(err)
		}
	}
}

// addHeader puts the licence above what avo has written to path.
func addHeader(path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte(header), source...), 0o644)
}

// function starts a function whose pointer arguments do not escape.
func function(name, signature string) {
	build.TEXT(name, attr.NOSPLIT, signature)
	build.Pragma("noescape")
}
