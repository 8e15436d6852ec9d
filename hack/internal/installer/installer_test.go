// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package installer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

const root = "../../.."

// manager returns the Deployment of the manager in a stream of manifests.
func manager(t *testing.T, stream []byte) appsv1.Deployment {
	t.Helper()
	for document := range strings.SplitSeq(string(stream), "\n---\n") {
		var deployment appsv1.Deployment
		if strings.Contains(document, "\nkind: Deployment\n") {
			if err := yaml.UnmarshalStrict([]byte(document), &deployment); err != nil {
				t.Fatal(err)
			}
			return deployment
		}
	}
	t.Fatal("there is no Deployment")
	return appsv1.Deployment{}
}

func TestBuild(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("a", 64)
	tests := map[string]Images{
		"tags":        Tagged("registry.example/team", "v1.2.3"),
		"no registry": Tagged("", "dev"),
		"digests":     {Manager: "registry.example:5000/m" + digest, Runner: "r" + digest, Server: "s" + digest},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			stream, err := Build(root, want)
			if err != nil {
				t.Fatal(err)
			}
			// It is applied from the top to the end.
			if !strings.HasPrefix(string(stream), "apiVersion: v1\nkind: Namespace\n") {
				t.Errorf("it begins with %.60q, want the namespace", stream)
			}
			containers := manager(t, stream).Spec.Template.Spec.Containers
			if len(containers) != 1 {
				t.Fatalf("got %d containers, want 1", len(containers))
			}
			got := Images{Manager: containers[0].Image}
			for _, variable := range containers[0].Env {
				switch variable.Name {
				case "RUNNER_IMAGE":
					got.Runner = variable.Value
				case "SERVER_IMAGE":
					got.Server = variable.Value
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
		})
	}
	if got := Tagged("registry.example/team/", "v1").Server; got != "registry.example/team/trainyard-server:v1" {
		t.Errorf("the server's image is %s", got)
	}
	if _, err := Build(t.TempDir(), Tagged("", "dev")); err == nil {
		t.Error("manifests are built from no config")
	}
}
