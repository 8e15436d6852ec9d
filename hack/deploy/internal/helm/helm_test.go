// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRevision(t *testing.T) {
	tests := map[string]struct {
		list string
		want int
	}{
		"nothing installed": {"[]", 0},
		"third":             {`[{"name":"trainyard","namespace":"trainyard-system","revision":"3","status":"deployed"}]`, 3},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := revision([]byte(tc.list)); err != nil || got != tc.want {
				t.Errorf("revision %d, %v, want %d", got, err, tc.want)
			}
		})
	}
	for _, list := range []string{"", "Error", `[{"revision":"new"}]`} {
		if _, err := revision([]byte(list)); err == nil {
			t.Errorf("%q is read as a revision", list)
		}
	}
}

// program is a Helm that prints its arguments as an error.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "helm")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"$@\" >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestArguments(t *testing.T) {
	r := Release{Helm: program(t), Chart: "dist/chart", Namespace: "ops", Timeout: time.Minute}
	all := r
	all.Registry, all.Tag, all.Values = "registry.example/team", "v1.2.3", []string{"a.yaml", "b.yaml"}
	for want, err := range map[string]error{
		"helm upgrade: upgrade --install trainyard dist/chart --create-namespace --wait --timeout 1m0s --namespace ops": r.Install(t.Context()),
		"helm upgrade: upgrade --install trainyard dist/chart --create-namespace --wait --timeout 1m0s --values a.yaml --values b.yaml" +
			" --set-string images.registry=registry.example/team --set-string images.tag=v1.2.3 --namespace ops": all.Install(t.Context()),
		"helm rollback: rollback trainyard 3 --wait --timeout 1m0s --namespace ops":                    r.Back(t.Context(), 3),
		"helm uninstall: uninstall trainyard --ignore-not-found --wait --timeout 1m0s --namespace ops": r.Back(t.Context(), 0),
	} {
		if err == nil {
			t.Fatal("a failure of helm is none")
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("helm was run so (-want +got):\n%s", diff)
		}
	}
	if _, err := r.Current(t.Context()); err == nil || !strings.Contains(err.Error(), "list --deployed") {
		t.Errorf("error %v", err)
	}
}
