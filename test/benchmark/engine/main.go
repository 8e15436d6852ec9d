// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command engine measures the engine beside ONNX Runtime and PyTorch: make bench-engine. Each contestant is a process of
// its own, with one thread or two; they take turns, so that what else happens on the machine meets all alike.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if err := work(os.Args[2:]); err != nil {
			fail(err)
		}
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "quantize" {
		if err := writeQuantized(os.Args[2], os.Args[3]); err != nil {
			fail(err)
		}
		return
	}
	var b bench
	flag.StringVar(&b.python, "python", "python3", "Python with the packages of requirements.txt")
	flag.StringVar(&b.script, "peers", "test/benchmark/engine/peers.py", "the peers' script")
	flag.StringVar(&b.models, "models", "out/bench-engine", "folder of the models, as peers.py export writes them")
	flag.IntVar(&b.rounds, "rounds", 7, "measurements of each contestant")
	only := flag.String("only", "", "comma-separated names of the comparisons to make; empty means all")
	flag.Parse()
	if *only != "" {
		b.only = strings.Split(*only, ",")
	}
	if err := b.run(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench-engine:", err)
	os.Exit(1)
}
