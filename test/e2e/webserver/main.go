// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command webserver stands for what others run outside a cluster: over TLS it serves files, Git repositories as Git's own
// server does, and a registry. A file, or one of a repository, comes there by PUT.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

func main() {
	address := flag.String("address", ":8443", "The `address` to listen at.")
	folder := flag.String("folder", "/data", "The `folder` that files are kept in.")
	certificate := flag.String("certificate", "/certificate", "The `folder` of tls.crt and tls.key, as a Secret has them.")
	flag.Parse()
	if err := serve(*address, *folder, *certificate); err != nil {
		fmt.Fprintln(os.Stderr, "webserver:", err)
		os.Exit(1)
	}
}

func serve(address, folder, certificate string) error {
	handler, err := newHandler(folder)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	err = server.ListenAndServeTLS(filepath.Join(certificate, "tls.crt"), filepath.Join(certificate, "tls.key"))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
