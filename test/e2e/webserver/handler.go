// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
)

// maxFileBytes bounds a file that is put.
const maxFileBytes = 64 << 20

// newHandler serves the files of a folder, the repositories in its folder git, and a registry that forgets.
func newHandler(folder string) (http.Handler, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	repositories := newRepositories(folder)
	mux := http.NewServeMux()
	mux.Handle("/v2/", registry.New())
	mux.HandleFunc("GET /git/{repository}/info/refs", repositories.advertise)
	mux.HandleFunc("POST /git/{repository}/git-upload-pack", repositories.upload)
	files := http.FileServerFS(root.FS())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			files.ServeHTTP(w, r)
			return
		}
		if err := put(root, strings.TrimPrefix(r.URL.Path, "/"), http.MaxBytesReader(w, r.Body, maxFileBytes)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	return mux, nil
}

// put writes a file and the folders that it is in.
func put(root *os.Root, name string, content io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}
