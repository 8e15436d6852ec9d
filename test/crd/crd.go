// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package crd reads the defaults that the API server gives to objects, for tests of
// programs that have the same defaults of their own.
package crd

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// schema is the part of a schema that holds defaults.
type schema struct {
	Default    any               `json:"default"`
	Properties map[string]schema `json:"properties"`
}

// Defaults returns the defaults of a kind's spec, by the path of their field, such as
// dataset.split.seed. Kinds are named in lower case and plural, as their CRDs are.
func Defaults(kinds string) (map[string]string, error) {
	file := filepath.Join("config", "crd", "bases", "trainyard.dev_"+kinds+".yaml")
	for root := "."; len(root) < 64; root = filepath.Join("..", root) {
		data, err := os.ReadFile(filepath.Join(root, file))
		if err == nil {
			return decode(data)
		}
	}
	return nil, fmt.Errorf("find %s above the folder of the test", file)
}

func decode(data []byte) (map[string]string, error) {
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(data, &definition); err != nil {
		return nil, err
	}
	defaults := map[string]string{}
	for _, version := range definition.Spec.Versions {
		version.Schema.OpenAPIV3Schema.Properties["spec"].collect("", defaults)
	}
	return defaults, nil
}

// collect adds the defaults of fields that have no fields of their own.
func (s schema) collect(path string, defaults map[string]string) {
	if s.Default != nil && len(s.Properties) == 0 {
		defaults[path] = fmt.Sprint(s.Default)
	}
	for name, property := range s.Properties {
		child := name
		if path != "" {
			child = path + "." + name
		}
		property.collect(child, defaults)
	}
}
