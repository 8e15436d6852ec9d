// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command mute is the inference server, but for the predictions: it gets ready, and answers none.
package main

import (
	"net/http"
	"os"

	"github.com/trainyard-dev/trainyard/server/command"
)

func main() {
	os.Exit(command.Run(os.Args[1:], command.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				http.Error(w, "this server is mute on purpose", http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
	}}))
}
