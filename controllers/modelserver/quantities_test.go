// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
)

// Whichever field of a template holds a quantity, one that computes for minutes isn't decoded.
func TestReadTemplateRefusesQuantities(t *testing.T) {
	paths := quantityPaths(reflect.TypeFor[revisionTemplate](), nil)
	if len(paths) < 10 {
		t.Fatalf("fields with quantities: %q, want those of containers and volumes", paths)
	}
	for _, path := range paths {
		t.Run(strings.Join(path, "."), func(t *testing.T) {
			for _, quantity := range []string{`"1e-100000000"`, `1e-100000000`} {
				expectRefused(t, `{"template":{"spec":{"containers":[{"name":"server"}]}},`+strings.TrimPrefix(documentAt(path, quantity), "{"))
			}
		})
	}
	for name, data := range map[string]string{
		"twice":              `{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"1e-100000000"},"limits":{"cpu":"1"}}}]}}}`,
		"in other letters":   `{"template":{"spec":{"containers":[{"resources":{"LIMIT\u017f":{"cpu":"1\u0065-100000000"}}}]}}}`,
		"beyond the maximum": `{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"` + strings.Repeat("1", 33) + `"}}}]}}}`,
	} {
		t.Run(name, func(t *testing.T) { expectRefused(t, data) })
	}
}

func expectRefused(t *testing.T, data string) {
	t.Helper()
	kept := &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: []byte(data)}}
	if _, err := readTemplate(kept); err == nil || !strings.Contains(err.Error(), "is not a quantity of at most 32 characters") {
		t.Errorf("%s: error = %v, want one that refuses the quantity", data, err)
	}
}

// What only looks like a quantity is kept.
func TestReadTemplateKeepsOtherText(t *testing.T) {
	kept := &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: []byte(`{"template":{
		"metadata":{"labels":{"limits":"1e1000"},"annotations":{"divisor":"1e1000"}},
		"spec":{"containers":[{"name":"server","args":["1e1000"],"env":[{"name":"limits","value":"1e1000"}],
			"resources":{"limits":{"memory":"1Gi","cpu":2},"requests":null}}]}}}`)}}
	template, err := readTemplate(kept)
	if err != nil {
		t.Fatal(err)
	}
	container := template.Pod.Spec.Containers[0]
	if container.Env[0].Value != "1e1000" || template.Pod.Labels["limits"] != "1e1000" || container.Resources.Limits.Cpu().Value() != 2 {
		t.Errorf("template = %+v", template.Pod)
	}
}

// quantityPaths are the members of JSON that lead to quantities in a type.
func quantityPaths(typ reflect.Type, outer []reflect.Type) [][]string {
	for _, t := range outer {
		if t == typ {
			return nil
		}
	}
	outer = append(outer[:len(outer):len(outer)], typ)
	switch {
	case typ == reflect.TypeFor[resource.Quantity]():
		return [][]string{nil}
	case typ.Kind() == reflect.Pointer:
		return quantityPaths(typ.Elem(), outer)
	case typ.Kind() == reflect.Slice:
		return prefixed("[]", quantityPaths(typ.Elem(), outer))
	case typ.Kind() == reflect.Map:
		return prefixed("any", quantityPaths(typ.Elem(), outer))
	case typ.Kind() != reflect.Struct:
		return nil
	}
	var paths [][]string
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner := quantityPaths(field.Type, outer)
		if !field.IsExported() {
			continue
		}
		if name != "" {
			inner = prefixed(name, inner)
		} else if !field.Anonymous {
			inner = prefixed(field.Name, inner)
		}
		paths = append(paths, inner...)
	}
	return paths
}

func prefixed(name string, paths [][]string) [][]string {
	var all [][]string
	for _, path := range paths {
		all = append(all, append([]string{name}, path...))
	}
	return all
}

// documentAt is a document with a value at a path.
func documentAt(path []string, value string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == "[]" {
			value = "[" + value + "]"
			continue
		}
		name, _ := json.Marshal(path[i])
		value = "{" + string(name) + ":" + value + "}"
	}
	return value
}
