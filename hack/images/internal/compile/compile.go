// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package compile builds main packages of this repository as static programs and packs each into an image.
package compile

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/hack/internal/image"
	"github.com/trainyard-dev/trainyard/hack/internal/program"
)

// Options say where images go and what they are called.
type Options struct {
	// Dir of the archives.
	Dir string
	// Registry that the names begin with, with or without a path.
	Registry string
	// Tag of every image.
	Tag string
	// Version is what the programs say theirs is.
	Version string
	// MaxMegabytes bounds the compressed size of images by their names.
	MaxMegabytes map[string]int
	// Architecture of the CPUs that the programs run on, as Go calls it.
	Architecture string
}

// Target is an image to build.
type Target struct {
	// Name of the image without registry and tag; the program in it has the same.
	Name string
	// Package is the main package's import path, or a path relative to the working directory.
	Package string
}

var nameRule = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// ParseTargets reads arguments of the form NAME=PACKAGE.
func ParseTargets(args []string) ([]Target, error) {
	seen := map[string]bool{}
	out := make([]Target, 0, len(args))
	for _, arg := range args {
		name, pkg, ok := strings.Cut(arg, "=")
		if !ok || pkg == "" || !nameRule.MatchString(name) {
			return nil, fmt.Errorf("target %q: write NAME=PACKAGE, as in trainyard-runner=./runner", arg)
		}
		if seen[name] {
			return nil, fmt.Errorf("target %q: the name %s is there twice", arg, name)
		}
		seen[name] = true
		out = append(out, Target{Name: name, Package: pkg})
	}
	return out, nil
}

// Ref is the full name of a target's image.
func (o Options) Ref(t Target) string {
	return strings.TrimSuffix(o.Registry, "/") + "/" + t.Name + ":" + o.Tag
}

// Build compiles each target and writes its archive to Dir/NAME.tar. It prints the images' compressed sizes.
func Build(ctx context.Context, o Options, targets []Target, out io.Writer) error {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	for _, t := range targets {
		began := time.Now()
		size, err := build(ctx, o, t)
		if err != nil {
			return fmt.Errorf("image %s: %w", t.Name, err)
		}
		const mega = 1e6
		fmt.Fprintf(out, "%s: %.1f MB compressed (%.1f s)\n", o.Ref(t), float64(size)/mega, time.Since(began).Seconds())
		if most, bounded := o.MaxMegabytes[t.Name]; bounded && size > int64(most)*mega {
			return fmt.Errorf("image %s has more than its %d MB: find what it has come to depend on by go list -deps %s, or raise --max-mb", t.Name, most, t.Package)
		}
	}
	return nil
}

func build(ctx context.Context, o Options, t Target) (size int64, err error) {
	binary, err := program.Build(ctx, t.Package, o.Version, program.Platform{OS: "linux", Arch: o.Architecture})
	if err != nil {
		return 0, err
	}
	img, err := image.New(binary, t.Name, o.Architecture)
	if err != nil {
		return 0, err
	}
	if err := image.Write(filepath.Join(o.Dir, t.Name+".tar"), o.Ref(t), img); err != nil {
		return 0, err
	}
	return image.CompressedSize(img)
}
