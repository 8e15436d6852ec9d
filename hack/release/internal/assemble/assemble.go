// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package assemble makes the files of a release, one after the other.
package assemble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/hack/internal/installer"
	"github.com/trainyard-dev/trainyard/hack/internal/krew"
	"github.com/trainyard-dev/trainyard/hack/release/internal/checksum"
	"github.com/trainyard-dev/trainyard/hack/release/internal/provenance"
	"github.com/trainyard-dev/trainyard/hack/release/internal/sbom"
	"github.com/trainyard-dev/trainyard/hack/release/internal/source"
)

// Options are what whoever makes a release says of it.
type Options struct {
	// Version with its v.
	Version string
	// Registry, with a path if it has one, that the images will be pulled from.
	Registry string
	// Out is the folder of the files.
	Out string
	// Helm is the path of the program.
	Helm string
}

const provenanceFile = "provenance.json"

// release is one that is being made.
type release struct {
	Options
	commit source.Commit
	images []builtImage
	log    io.Writer
	began  time.Time
}

// Run makes a release of what is checked out in the working directory, and says what it has done.
func Run(ctx context.Context, o Options, log io.Writer) error {
	if o.Registry == "" {
		return errors.New("REGISTRY is missing: say where the images will be pulled from, such as registry.example/team")
	}
	o.Registry = strings.TrimSuffix(o.Registry, "/")
	commit, err := source.Read(ctx, ".", o.Version)
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(o.Out), os.MkdirAll(o.Out, 0o755)); err != nil {
		return err
	}
	r := &release{Options: o, commit: commit, log: log, began: time.Now()}
	r.say("%s of commit %.12s, %d changes since %s", o.Version, commit.Hash, len(commit.Changes), r.previous())
	for _, step := range []func(context.Context) error{r.addImages, r.addPlugin, r.addInstaller, r.addChart, r.addNotes, r.addProvenance, r.addChecksums} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// say prints a line of progress.
func (r *release) say(format string, args ...any) {
	fmt.Fprintf(r.log, "[%4.0f s] %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

func (r *release) previous() string {
	if r.commit.Previous == "" {
		return "the beginning"
	}
	return r.commit.Previous
}

// write writes a file of the release and says so.
func (r *release) write(name string, data []byte) error {
	if err := os.WriteFile(filepath.Join(r.Out, name), data, 0o644); err != nil {
		return err
	}
	return r.tell(name)
}

// tell says that a file of the release is there.
func (r *release) tell(name string) error {
	info, err := os.Stat(filepath.Join(r.Out, name))
	if err != nil {
		return err
	}
	r.say("%-44s %9.3f MB", name, float64(info.Size())/1e6)
	return nil
}

func (r *release) addPlugin(ctx context.Context) error {
	programs, err := krew.Build(ctx, r.Version, r.Out)
	if err != nil {
		return err
	}
	for _, p := range krew.Platforms {
		if err := r.tell(krew.Archive(p)); err != nil {
			return err
		}
	}
	if err := r.tell(krew.ManifestFile); err != nil {
		return err
	}
	const name = "kubectl-trainyard"
	list, err := sbom.New(sbom.Subject{Name: name, Version: r.Version, Time: r.commit.Time, Programs: programs})
	if err != nil {
		return err
	}
	return r.write(name+".cdx.json", list)
}

func (r *release) addInstaller(context.Context) error {
	manifests, err := installer.Build(".", installer.Images{Manager: r.image("manager"), Runner: r.image("runner"), Server: r.image("server")})
	if err != nil {
		return err
	}
	return r.write("install.yaml", manifests)
}

func (r *release) addNotes(context.Context) error {
	return r.write("notes.md", notes(r.Version, r.commit, r.images))
}

func (r *release) addProvenance(context.Context) error {
	files, err := checksum.Of(r.Out)
	if err != nil {
		return err
	}
	var subjects []provenance.Subject
	for _, f := range files {
		subjects = append(subjects, provenance.Subject(f))
	}
	for _, i := range r.images {
		subjects = append(subjects, provenance.Subject{Name: i.repository, SHA256: i.digest.Hex})
	}
	statement, err := provenance.New(provenance.Build{Version: r.Version, Registry: r.Registry, Commit: r.commit.Hash, Go: runtime.Version()}, subjects)
	if err != nil {
		return err
	}
	return r.write(provenanceFile, statement)
}

func (r *release) addChecksums(context.Context) error {
	if err := checksum.Write(r.Out); err != nil {
		return err
	}
	return r.tell(checksum.File)
}
