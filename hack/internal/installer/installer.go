// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package installer builds the one file that installs Trainyard: config/default with the images that somebody has.
package installer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Images are references of the three images, by a tag or a digest.
type Images struct{ Manager, Runner, Server string }

// Tagged are the images of a registry, which may have a path or be empty, under one tag.
func Tagged(registry, tag string) Images {
	prefix := ""
	if registry != "" {
		prefix = strings.TrimSuffix(registry, "/") + "/"
	}
	return Images{
		Manager: prefix + "trainyard-manager:" + tag,
		Runner:  prefix + "trainyard-runner:" + tag,
		Server:  prefix + "trainyard-server:" + tag,
	}
}

const overlay = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- ../../config/default
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: trainyard-manager
      namespace: trainyard-system
    spec:
      template:
        spec:
          containers:
          - name: manager
            image: %q
            env:
            - name: RUNNER_IMAGE
              value: %q
            - name: SERVER_IMAGE
              value: %q
`

// Build returns CRDs, RBAC and manager for images, from the repository's root.
func Build(root string, images Images) ([]byte, error) {
	// Kustomize takes bases by relative paths only.
	out := filepath.Join(root, "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(out, "installer-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	text := fmt.Sprintf(overlay, images.Manager, images.Runner, images.Server)
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o644); err != nil {
		return nil, err
	}
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy // as kubectl does: namespaces before what is in them
	objects, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, fmt.Errorf("kustomize config/default: %w", err)
	}
	return objects.AsYaml()
}
