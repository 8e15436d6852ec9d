// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command pause holds a pod's namespaces until it is told to stop.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// Where a pod's containers share process identifiers, this is the parent of orphans: the kernel reaps
	// the children of a process that ignores the signal of their end.
	signal.Ignore(syscall.SIGCHLD)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
