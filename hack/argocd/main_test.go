// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// What Argo CD reads of the ConfigMap are the very scripts that are tested.
func TestManifestHoldsTheScripts(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "config", "argocd", "argocd-cm.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Data map[string]string }
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		folder := filepath.Join(root, scripts, group, kind.name)
		script := func(path ...string) string {
			t.Helper()
			text, err := os.ReadFile(filepath.Join(append([]string{folder}, path...)...))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if diff := cmp.Diff(script("health.lua"), got.Data["resource.customizations.health."+group+"_"+kind.name]); diff != "" {
			t.Errorf("%s: health: make generate (-script +ConfigMap)\n%s", kind.name, diff)
		}
		want := actions{Discovery: script("actions", "discovery.lua")}
		for _, name := range kind.actions {
			want.Definitions = append(want.Definitions, definition{Name: name, Script: script("actions", name, "action.lua")})
		}
		var have actions
		if err := yaml.Unmarshal([]byte(got.Data["resource.customizations.actions."+group+"_"+kind.name]), &have); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: actions: make generate (-script +ConfigMap)\n%s", kind.name, diff)
		}
		folders, err := filepath.Glob(filepath.Join(folder, "actions", "*", "action.lua"))
		if err != nil || len(folders) != len(kind.actions) {
			t.Errorf("%s: %d scripts of actions, and %d in kinds: %v", kind.name, len(folders), len(kind.actions), err)
		}
	}
}
