// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command badserver is the inference server with a fault that shows only under traffic: some
// seconds after the first prediction that is not a smoke test's, it answers 500 to everything but
// the kubelet's probes. As the image of a ModelServer it passes the smoke test and fails the bake.
//
// BADSERVER_AFTER is how long after that first prediction the fault appears, a Go duration (5s).
// With BADSERVER_LIVE_ONLY=true it fails nothing but predictions that aren't a test's, which the
// server counts itself.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/command"
)

const (
	afterEnv     = "BADSERVER_AFTER"
	liveOnlyEnv  = "BADSERVER_LIVE_ONLY"
	defaultAfter = "5s"
)

func main() {
	text := defaultAfter
	if env, ok := os.LookupEnv(afterEnv); ok {
		text = env
	}
	after, err := time.ParseDuration(text)
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %s: %v\n", afterEnv, err)
		os.Exit(contract.ExitConfig)
	}
	os.Exit(command.Run(os.Args[1:], command.Options{Wrap: func(next http.Handler) http.Handler {
		return &fault{next: next, after: after, liveOnly: os.Getenv(liveOnlyEnv) == "true", now: time.Now}
	}}))
}
