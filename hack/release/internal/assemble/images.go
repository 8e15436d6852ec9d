// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	registry "github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/mod/modfile"

	"github.com/trainyard-dev/trainyard/hack/internal/image"
	"github.com/trainyard-dev/trainyard/hack/internal/program"
	"github.com/trainyard-dev/trainyard/hack/release/internal/sbom"
)

// architectures are those of nodes that images are for.
var architectures = []string{"amd64", "arm64"}

// packages are the main packages of the images, by what the images are called behind trainyard-.
var packages = []struct{ name, path string }{{"manager", "."}, {"runner", "./runner"}, {"server", "./server"}}

// builtImage is an image of the release. It is pulled by its digest, which is known before it is pushed.
type builtImage struct {
	name, repository string
	digest           v1.Hash
}

// ref is what a pod pulls.
func (i builtImage) ref() string { return i.repository + "@" + i.digest.String() }

// image returns the reference of an image.
func (r *release) image(name string) string {
	for _, i := range r.images {
		if i.name == "trainyard-"+name {
			return i.ref()
		}
	}
	panic("there is no image " + name) // its name is that of packages
}

func (r *release) addImages(ctx context.Context) error {
	for _, p := range packages {
		name := "trainyard-" + p.name
		built, programs, err := buildImage(ctx, name, p.path, r.Version)
		if err != nil {
			return fmt.Errorf("image %s: %w", name, err)
		}
		if err := r.addImage(name, built, programs); err != nil {
			return fmt.Errorf("image %s: %w", name, err)
		}
	}
	var list bytes.Buffer
	for _, i := range r.images {
		fmt.Fprintln(&list, i.ref())
	}
	return r.write("images.txt", list.Bytes())
}

// buildImage builds an image for each architecture.
func buildImage(ctx context.Context, name, path, version string) (v1.ImageIndex, map[program.Platform][]byte, error) {
	programs := map[program.Platform][]byte{}
	var images []v1.Image
	for _, architecture := range architectures {
		platform := program.Platform{OS: "linux", Arch: architecture}
		binary, err := program.Build(ctx, path, version, platform)
		if err != nil {
			return nil, nil, err
		}
		img, err := image.New(binary, name, architecture)
		if err != nil {
			return nil, nil, err
		}
		programs[platform] = binary
		images = append(images, img)
	}
	index, err := image.NewIndex(images...)
	return index, programs, err
}

// addImage writes the archive of an image, and what is in it.
func (r *release) addImage(name string, index v1.ImageIndex, programs map[program.Platform][]byte) error {
	// A registry may be called by several names: this is the one that images push prints.
	tag, err := registry.NewTag(r.Registry + "/" + name + ":" + r.Version)
	if err != nil {
		return err
	}
	repository, file := tag.Context().Name(), name+".oci.tar"
	if err := image.WriteIndex(filepath.Join(r.Out, file), tag.Name(), index); err != nil {
		return err
	}
	if err := r.tell(file); err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	r.images = append(r.images, builtImage{name, repository, digest})
	certificates, err := authorities()
	if err != nil {
		return err
	}
	list, err := sbom.New(sbom.Subject{
		Name: name, Version: r.Version, Time: r.commit.Time, Repository: repository, Digest: digest.String(), Programs: programs, Data: []debug.Module{certificates},
	})
	if err != nil {
		return err
	}
	return r.write(name+".cdx.json", list)
}

// authorities is the module, as go.mod requires it, whose certificates images hold.
func authorities() (debug.Module, error) {
	const path = "golang.org/x/crypto/x509roots/fallback"
	data, err := os.ReadFile("go.mod")
	if err != nil {
		return debug.Module{}, err
	}
	file, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return debug.Module{}, err
	}
	for _, r := range file.Require {
		if r.Mod.Path == path {
			return debug.Module{Path: path, Version: r.Mod.Version}, nil
		}
	}
	return debug.Module{}, fmt.Errorf("go.mod doesn't require %s", path)
}
