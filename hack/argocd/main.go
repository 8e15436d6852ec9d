// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command argocd writes config/argocd/argocd-cm.yaml: what Argo CD's ConfigMap needs to know of the two kinds, from the
// scripts that lie in Argo CD's own layout. It reads them in the working directory, which is the repository's root.
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"

	"go.yaml.in/yaml/v3"
)

const (
	scripts = "config/argocd/resource_customizations"
	group   = "trainyard.dev"

	header = `# What Argo CD's ConfigMap needs to know of Trainyard: health, actions, and what an autoscaler writes.
# Generated from the scripts in resource_customizations by ` + "`make generate`" + `; changes are lost.
#
#   kubectl patch configmap argocd-cm --namespace argocd --patch-file config/argocd/argocd-cm.yaml
`
	// An autoscaler writes spec.replicas; what Git says of it then is no drift.
	ignored = "jqPathExpressions:\n- .spec | select(.autoscaling != null) | .replicas\n"
)

// kinds have their actions in the order in which Argo CD lists them.
var kinds = []struct {
	name    string
	actions []string
}{
	{"ModelServer", []string{"pause", "resume", "promote", "reject", "retry"}},
	{"TrainingRun", []string{"suspend", "resume"}},
}

// actions are a kind's actions as Argo CD reads them.
type actions struct {
	Discovery   string       `yaml:"discovery.lua"`
	Definitions []definition `yaml:"definitions"`
}

type definition struct {
	Name   string `yaml:"name"`
	Script string `yaml:"action.lua"`
}

func main() {
	manifest, err := manifest(os.DirFS(scripts))
	if err == nil {
		_, err = os.Stdout.Write(manifest)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "argocd:", err)
		os.Exit(1)
	}
}

// manifest renders the ConfigMap with the scripts of a folder.
func manifest(folder fs.FS) ([]byte, error) {
	data := map[string]string{"resource.customizations.ignoreDifferences." + group + "_ModelServer": ignored}
	for _, kind := range kinds {
		dir := path.Join(group, kind.name)
		health, err := fs.ReadFile(folder, path.Join(dir, "health.lua"))
		if err != nil {
			return nil, err
		}
		data["resource.customizations.health."+group+"_"+kind.name] = string(health)
		discovery, err := fs.ReadFile(folder, path.Join(dir, "actions/discovery.lua"))
		if err != nil {
			return nil, err
		}
		all := actions{Discovery: string(discovery)}
		for _, name := range kind.actions {
			script, err := fs.ReadFile(folder, path.Join(dir, "actions", name, "action.lua"))
			if err != nil {
				return nil, err
			}
			all.Definitions = append(all.Definitions, definition{Name: name, Script: string(script)})
		}
		text, err := encode(all)
		if err != nil {
			return nil, err
		}
		data["resource.customizations.actions."+group+"_"+kind.name] = string(text)
	}
	text, err := encode(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]string{"name": "argocd-cm", "namespace": "argocd"}, "data": data,
	})
	return append([]byte(header), text...), err
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), encoder.Close()
}
