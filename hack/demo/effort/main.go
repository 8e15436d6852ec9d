// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command effort prints the flags of runner train with which a folder's pictures are learned in about the time given, and says
// on stderr why.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/trainyard-dev/trainyard/hack/demo/internal/effort"
)

func main() {
	data := flag.String("data", "", "folder of class folders")
	limit := flag.Duration("limit", 2*time.Minute, "time that training may take")
	flag.Parse()
	_, picked, err := effort.Pick(context.Background(), *data, *limit, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "effort:", err)
		os.Exit(1)
	}
	fmt.Printf("--image-size=%d --epochs=%d\n", picked.ImageSize, picked.Epochs)
}
