// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package prune lists what runs have left in an output, artifacts and checkpoints, and removes it.
//
// An output may hold other things besides: a dataset, say, or what a person has put into an artifact's folder. Only what a run
// has written is removed: files that a manifest lists which names the run, and checkpoints. A folder with anything else in it is
// refused as a whole. The manifest goes last, so that a removal that was interrupted can be begun again.
package prune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/errkind"
)

// What can be wrong; test with errors.Is.
var (
	// ErrForeign says that there is something that no run has written.
	ErrForeign = errors.New("not removed")
	// ErrName says that a name can't be one of a run's artifact.
	ErrName = errors.New("no name of an artifact")
)

// maxManifestBytes bounds what is read of a manifest.
const maxManifestBytes = 4 << 20

// Left is what one run has left.
type Left struct {
	// Name is that of the artifact, which is a folder of the output, and of the checkpoints.
	Name string `json:"name"`
	// Run has published the artifact. It is unknown of checkpoints alone.
	Run contract.Run `json:"run,omitzero"`
	// Artifact and Checkpoints are how much there is of each.
	Artifact    Extent `json:"artifact,omitzero"`
	Checkpoints Extent `json:"checkpoints,omitzero"`
	// Written is when the newest of it was written.
	Written time.Time `json:"written"`
	// Refused is why it isn't removed; empty if it can be.
	Refused string `json:"refused,omitempty"`
}

// Extent is a number of files and their size.
type Extent struct {
	Files     int   `json:"files"`
	SizeBytes int64 `json:"sizeBytes"`
}

// file is one in an output.
type file struct {
	name     string // below the output, with slashes
	size     int64
	modified time.Time
	// irregular is what is there instead of a file with content: a link, say.
	irregular bool
}

// store is where outputs lie.
type store interface {
	// names lists the folders that hold a manifest, and those of checkpoints by the names of their runs.
	names(ctx context.Context) ([]string, error)
	// files lists all that is in a folder and below it; nothing if there is no such folder.
	files(ctx context.Context, folder string) ([]file, error)
	read(ctx context.Context, name string, most int64) ([]byte, error)
	// remove removes files in the order given, and then what it empties of the folder.
	remove(ctx context.Context, folder string, names []string) error
}

// Place is an output.
type Place struct{ store store }

// List returns what runs have left, by name.
func (p *Place) List(ctx context.Context) ([]Left, error) {
	names, err := p.store.names(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []Left
	for _, name := range slices.Compact(names) {
		if checkName(name) != nil {
			continue
		}
		found, err := p.find(ctx, name)
		if err != nil {
			return nil, err
		}
		if found.any() {
			all = append(all, found.left())
		}
	}
	return all, nil
}

// Find returns what is left under a name, and whether there is anything.
func (p *Place) Find(ctx context.Context, name string) (Left, bool, error) {
	if err := checkName(name); err != nil {
		return Left{}, false, err
	}
	found, err := p.find(ctx, name)
	return found.left(), found.any(), err
}

// Remove removes what is left under a name. A run with a UID must be the one that has published it.
func (p *Place) Remove(ctx context.Context, name string, run contract.Run) error {
	if err := checkName(name); err != nil {
		return err
	}
	found, err := p.find(ctx, name)
	if err != nil {
		return err
	}
	if found.refused != nil {
		return found.refused
	}
	if len(found.artifact) > 0 && run.UID != "" && found.run.UID != run.UID {
		return fmt.Errorf("%w: %s is of a run with UID %q, not %q", ErrForeign, name, found.run.UID, run.UID)
	}
	return errors.Join(
		p.store.remove(ctx, checkpointsOf(name), namesOf(found.checkpoints)),
		p.store.remove(ctx, name, manifestLast(namesOf(found.artifact))))
}

// checkName refuses what would lead elsewhere.
func checkName(name string) error {
	if name == "" || name[0] == '.' || strings.ContainsAny(name, `/\`) {
		return fmt.Errorf("%w: %q: give the name of a folder in the output, as it is listed", ErrName, name)
	}
	return nil
}

func checkpointsOf(name string) string { return path.Join(contract.CheckpointsDir, name) }

// found is what lies under one name.
type found struct {
	name                  string
	run                   contract.Run
	artifact, checkpoints []file
	refused               error
}

func (f *found) any() bool { return len(f.artifact)+len(f.checkpoints) > 0 }

func (f *found) left() Left {
	left := Left{Name: f.name, Run: f.run, Artifact: extentOf(f.artifact), Checkpoints: extentOf(f.checkpoints)}
	for _, file := range slices.Concat(f.artifact, f.checkpoints) {
		if file.modified.After(left.Written) {
			left.Written = file.modified.UTC().Truncate(time.Second)
		}
	}
	if f.refused != nil {
		left.Refused = f.refused.Error()
	}
	return left
}

func (p *Place) find(ctx context.Context, name string) (found, error) {
	f := found{name: name}
	var err error
	if f.artifact, err = p.store.files(ctx, name); err != nil {
		return f, err
	}
	if f.checkpoints, err = p.store.files(ctx, checkpointsOf(name)); err != nil {
		return f, err
	}
	if len(f.artifact) > 0 {
		manifest, err := p.manifest(ctx, name)
		if err != nil {
			f.refused = err
			return f, nil
		}
		f.run = manifest.Run
		f.refused = checkListed(name, f.artifact, manifest)
	}
	if f.refused == nil {
		f.refused = checkCheckpoints(name, f.checkpoints)
	}
	return f, nil
}

// manifest reads the manifest of an artifact. Its files aren't held against their digests: a damaged artifact can be removed, too.
func (p *Place) manifest(ctx context.Context, name string) (*contract.Manifest, error) {
	at := path.Join(name, contract.ManifestFile)
	data, err := p.store.read(ctx, at, maxManifestBytes)
	if err != nil {
		return nil, errkind.With(ErrForeign, fmt.Errorf("%s can't be read, so nothing says that a run has written %s: %w", at, name, err))
	}
	manifest := &contract.Manifest{}
	if err := contract.DecodeResult(data, manifest); err != nil {
		return nil, errkind.With(ErrForeign, fmt.Errorf("%s is no manifest of a run: %w", at, err))
	}
	if got := contract.ArtifactName(manifest.Run); got != name {
		return nil, fmt.Errorf("%w: %s is the manifest of %s: the folder was renamed or copied", ErrForeign, at, got)
	}
	return manifest, nil
}

// checkListed refuses an artifact with files that its manifest doesn't list.
func checkListed(name string, files []file, manifest *contract.Manifest) error {
	listed := map[string]bool{path.Join(name, contract.ManifestFile): true, path.Join(name, contract.WritableFile): true}
	for _, f := range manifest.Files {
		listed[path.Join(name, f.Path)] = true
	}
	for _, f := range files {
		if f.irregular || !listed[f.name] {
			return fmt.Errorf("%w: %s holds %s, which no run has written: move it away", ErrForeign, name, strings.TrimPrefix(f.name, name+"/"))
		}
	}
	return nil
}

// checkCheckpoints refuses a folder with other files than checkpoints.
func checkCheckpoints(name string, files []file) error {
	for _, f := range files {
		base := strings.TrimPrefix(f.name, checkpointsOf(name)+"/")
		if f.irregular || strings.Contains(base, "/") || !strings.HasPrefix(strings.TrimPrefix(base, "."), artifact.CheckpointPrefix) {
			return fmt.Errorf("%w: %s holds %s, which no run has written: move it away", ErrForeign, checkpointsOf(name), base)
		}
	}
	return nil
}

func extentOf(files []file) Extent {
	var e Extent
	for _, f := range files {
		e.Files++
		e.SizeBytes += f.size
	}
	return e
}

func namesOf(files []file) []string {
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	return names
}

// manifestLast puts the manifest of an artifact behind all that it lists.
func manifestLast(names []string) []string {
	isManifest := func(name string) bool {
		return path.Base(name) == contract.ManifestFile && strings.Count(name, "/") == 1
	}
	rest := slices.DeleteFunc(slices.Clone(names), isManifest)
	return append(rest, slices.DeleteFunc(names, func(name string) bool { return !isManifest(name) })...)
}

// Document is what Left is printed as.
type Document struct {
	Version int    `json:"version"`
	Removed bool   `json:"removed"`
	Runs    []Left `json:"runs"`
}

// Encode renders what is left, or was removed, as JSON.
func Encode(all []Left, removed bool) ([]byte, error) {
	if all == nil {
		all = []Left{}
	}
	return json.MarshalIndent(Document{Version: contract.Version, Removed: removed, Runs: all}, "", "  ")
}
