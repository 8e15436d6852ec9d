// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package steer is the verbs that steer a rollout or a run. Each decides by a pure function what of an object it changes, or
// why that makes no sense; and one place writes it.
package steer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Change is what a verb writes.
type Change struct {
	// Annotations are set, or removed where they are nil.
	Annotations map[string]*string
	// Field of the spec, such as spec.rollout.paused, gets Value. It is empty where annotations alone change.
	Field string
	Value any
	// Done says what was asked for, and what follows.
	Done string
}

// patch is the change as a merge patch.
func (c Change) patch() ([]byte, error) {
	document := map[string]any{}
	if len(c.Annotations) > 0 {
		document["metadata"] = map[string]any{"annotations": c.Annotations}
	}
	if c.Field != "" {
		value := c.Value
		parts := strings.Split(c.Field, ".")
		for _, part := range slices.Backward(parts[1:]) {
			value = map[string]any{part: value}
		}
		document[parts[0]] = value
	}
	return json.Marshal(document)
}

// paths are what the change writes, as managed fields name them.
func (c Change) paths() [][]string {
	var paths [][]string
	if c.Field != "" {
		paths = append(paths, strings.Split(c.Field, "."))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Annotations)) {
		paths = append(paths, []string{"metadata", "annotations", name})
	}
	return paths
}

// gitOps are the field managers of tools that apply again what lies in Git.
var gitOps = map[string]string{
	"argocd-controller":             "Argo CD",
	"argocd-application-controller": "Argo CD",
	"kustomize-controller":          "Flux",
	"helm-controller":               "Flux",
}

// warnings name what a GitOps tool wrote that the change is about: it writes that again.
func warnings(managed []metav1.ManagedFieldsEntry, change Change) []string {
	var found []string
	for _, entry := range managed {
		tool := gitOps[entry.Manager]
		if tool == "" || entry.FieldsV1 == nil || entry.Subresource != "" {
			continue
		}
		var fields map[string]any
		if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		for _, path := range change.paths() {
			if owns(fields, path) {
				found = append(found, fmt.Sprintf("%s comes from Git by %s, which sets it back when it syncs or heals: change it there too", strings.Join(path, "."), tool))
			}
		}
	}
	return found
}

// owns tells whether managed fields hold a path.
func owns(fields map[string]any, path []string) bool {
	for _, part := range path {
		next, ok := fields["f:"+part].(map[string]any)
		if !ok {
			return false
		}
		fields = next
	}
	return true
}
