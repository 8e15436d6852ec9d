// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"net/http"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/revlist"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
)

const (
	uploadPack = "git-upload-pack"
	// packWindow is among how many objects one is looked for that another is stored as a difference to.
	packWindow = 10
)

// repositories serves Git repositories to who fetches, by Git's protocol over HTTP, version 0.
type repositories struct{ loader server.Loader }

func newRepositories(folder string) *repositories {
	return &repositories{server.NewFilesystemLoader(osfs.New(folder, osfs.WithBoundOS()))}
}

// endpoint names the repository that a request is about.
func endpoint(r *http.Request) *transport.Endpoint {
	return &transport.Endpoint{Protocol: "file", Path: "git/" + r.PathValue("repository")}
}

// advertise lists a repository's references.
func (s *repositories) advertise(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("service") != uploadPack {
		http.Error(w, "only fetching is served", http.StatusForbidden)
		return
	}
	references, err := s.references(r)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-"+uploadPack+"-advertisement")
	_ = references.Encode(w)
}

func (s *repositories) references(r *http.Request) (*packp.AdvRefs, error) {
	session, err := server.NewServer(s.loader).NewUploadPackSession(endpoint(r), nil)
	if err != nil {
		return nil, err
	}
	references, err := session.AdvertisedReferencesContext(r.Context())
	if err != nil {
		return nil, err
	}
	references.Prefix = [][]byte{[]byte("# service=" + uploadPack), pktline.Flush}
	return references, references.Capabilities.Set(capability.Shallow)
}

// upload sends what a client asks for, with all of its history: who asks for less of it is told that there isn't more.
func (s *repositories) upload(w http.ResponseWriter, r *http.Request) {
	request := packp.NewUploadPackRequest()
	err := request.Decode(r.Body)
	if err != nil {
		fail(w, err)
		return
	}
	storage, err := s.loader.Load(endpoint(r))
	if err != nil {
		fail(w, err)
		return
	}
	objects, err := revlist.Objects(storage, request.Wants, nil)
	if err != nil {
		fail(w, err)
		return
	}
	pack, packer := io.Pipe()
	go func() {
		_, err := packfile.NewEncoder(packer, storage, false).Encode(objects, packWindow)
		packer.CloseWithError(err)
	}()
	w.Header().Set("Content-Type", "application/x-"+uploadPack+"-result")
	_ = packp.NewUploadPackResponseWithPackfile(request, pack).Encode(w)
}

func fail(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, transport.ErrRepositoryNotFound) {
		status = http.StatusNotFound
	}
	http.Error(w, err.Error(), status)
}
