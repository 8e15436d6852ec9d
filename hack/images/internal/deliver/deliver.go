// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package deliver brings image archives to where a cluster finds them.
package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/trainyard-dev/trainyard/hack/internal/image"
)

// Push pushes each archive's image to the registry that its name begins with, under its own tag and further ones, with the credentials of
// docker login, and prints the name with its digest. A registry at an address of this machine or a private
// network is spoken to in plain HTTP if it has no TLS.
func Push(ctx context.Context, archives, tags []string, out io.Writer) error {
	for _, path := range archives {
		digest, err := push(ctx, path, tags)
		if err != nil {
			return fmt.Errorf("push %s: %w", path, err)
		}
		fmt.Fprintln(out, digest)
	}
	return nil
}

// pushable is an image, or an index of several.
type pushable interface {
	remote.Taggable
	Digest() (v1.Hash, error)
}

func push(ctx context.Context, path string, tags []string) (name.Digest, error) {
	folder, err := os.MkdirTemp("", "trainyard-push-")
	if err != nil {
		return name.Digest{}, err
	}
	defer os.RemoveAll(folder)
	what, tag, err := open(path, folder)
	if err != nil {
		return name.Digest{}, err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	// Push writes what the registry doesn't have, of an image as of an index.
	pusher, err := remote.NewPusher(options...)
	if err != nil {
		return name.Digest{}, err
	}
	if err := pusher.Push(ctx, tag, what); err != nil {
		return name.Digest{}, err
	}
	for _, further := range tags {
		also, err := name.NewTag(tag.Context().Name() + ":" + further)
		if err != nil {
			return name.Digest{}, err
		}
		if err := remote.Tag(also, what, options...); err != nil {
			return name.Digest{}, err
		}
	}
	hash, err := what.Digest()
	if err != nil {
		return name.Digest{}, err
	}
	return tag.Context().Digest(hash.String()), nil
}

// open reads an archive of either kind: an image layout, as releases have it, or one of docker save. It unpacks the first into a folder.
func open(path, folder string) (pushable, name.Tag, error) {
	index, tag, err := image.ReadIndex(path, folder)
	if !errors.Is(err, image.ErrNoIndex) {
		return index, tag, err
	}
	read := func() (io.ReadCloser, error) { return os.Open(path) }
	manifest, err := tarball.LoadManifest(read)
	if err != nil {
		return nil, name.Tag{}, err
	}
	if len(manifest) != 1 || len(manifest[0].RepoTags) != 1 {
		return nil, name.Tag{}, errors.New("the archive has to hold one image with one name")
	}
	if tag, err = name.NewTag(manifest[0].RepoTags[0]); err != nil {
		return nil, name.Tag{}, err
	}
	img, err := tarball.Image(read, &tag)
	return img, tag, err
}

// Load loads the archives into the cluster of kubectl's current context by that cluster's own tool.
func Load(ctx context.Context, archives []string, out io.Writer) error {
	config, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	for _, path := range archives {
		args, err := loader(config, path)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, strings.Join(args, " "))
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
		}
	}
	return nil
}

// loader returns the command that loads an archive into the cluster of the current context.
func loader(config *clientcmdapi.Config, path string) ([]string, error) {
	current := config.CurrentContext
	if cluster, ok := strings.CutPrefix(current, "kind-"); ok {
		return []string{"kind", "load", "image-archive", path, "--name", cluster}, nil
	}
	if c, ok := config.Contexts[current]; ok && isMinikube(c) {
		return []string{"minikube", "--profile", current, "image", "load", path}, nil
	}
	return nil, fmt.Errorf("context %q is neither kind's nor minikube's: push the images to a registry that "+
		"its cluster can pull from (REGISTRY=...)", current)
}

// isMinikube reports whether minikube has written the context: it leaves its name in an extension.
func isMinikube(c *clientcmdapi.Context) bool {
	info, ok := c.Extensions["context_info"].(*runtime.Unknown)
	return ok && bytes.Contains(info.Raw, []byte("minikube.sigs.k8s.io"))
}
