// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package install holds the ways to install Trainyard to one another and to what they promise: the Helm chart renders what
// kustomize builds from config, a real API server takes it, and the rights in it suffice.
package install

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	root     = "../.."
	chart    = root + "/dist/chart"
	overlays = "testdata/overlays"

	registry = "registry.example/team"
	tag      = "v1.2.3"
)

// program returns the path of a program that make test builds.
func program(t *testing.T, variable, file string) string {
	t.Helper()
	place := os.Getenv(variable)
	if place == "" {
		t.Skip(variable + " is not set: make test sets it")
	}
	path, err := filepath.Abs(filepath.Join(place, file))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func helm(t *testing.T) string { return program(t, "HELM", "") }

// kubectl is the one among the programs of the API server.
func kubectl(t *testing.T) string { return program(t, "KUBEBUILDER_ASSETS", "kubectl") }

// run returns what a program prints, and what it says if it fails.
func run(t *testing.T, stdin []byte, name string, args ...string) ([]byte, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), name, args...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	// Helm keeps no settings of whoever runs the test.
	command.Env = append(os.Environ(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

// build returns what kustomize, as kubectl has it, builds from a folder.
func build(t *testing.T, folder string) []byte {
	t.Helper()
	out, err := run(t, nil, kubectl(t), "kustomize", folder)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// installer returns what make build-installer writes.
func installer(t *testing.T) []byte {
	t.Helper()
	out, err := run(t, nil, "go", "-C", root, "run", "./hack/installer", "--registry="+registry, "--tag="+tag)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// render returns what the chart renders in a namespace, with the images of a release.
func render(t *testing.T, namespace string, args ...string) []byte {
	t.Helper()
	out, err := run(t, nil, helm(t), slices.Concat([]string{
		"template", "trainyard", chart, "--namespace", namespace, "--set", "images.registry=" + registry, "--set", "images.tag=" + tag,
	}, args)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// objects are those of a stream of manifests, by kind, namespace and name.
func objects(t *testing.T, stream []byte) map[string]*unstructured.Unstructured {
	t.Helper()
	found := map[string]*unstructured.Unstructured{}
	for document := range strings.SplitSeq("\n"+string(stream), "\n---") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if len(object.Object) == 0 {
			continue
		}
		key := object.GroupVersionKind().GroupKind().String() + " " + object.GetNamespace() + "/" + object.GetName()
		if found[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		found[key] = object
	}
	if len(found) == 0 {
		t.Fatal("no objects")
	}
	return found
}
