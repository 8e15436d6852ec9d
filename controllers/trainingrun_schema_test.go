// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// runSchema reads the schema of TrainingRuns that the API server is given.
func runSchema(t *testing.T) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "config", "crd", "bases", "trainyard.dev_trainingruns.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		t.Fatal(err)
	}
	return *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// The schema's enums are what the runner knows, by the same names.
func TestNamesInTheSchemaAreTheContracts(t *testing.T) {
	spec := runSchema(t).Properties["spec"].Properties
	for field, tc := range map[string]struct {
		schema apiextensionsv1.JSONSchemaProps
		want   []string
	}{
		"model.architecture": {spec["model"].Properties["architecture"], contract.Architectures()},
		"training.optimizer": {spec["training"].Properties["optimizer"], contract.Optimizers()},
		"gates.metric":       {spec["gates"].Items.Schema.Properties["metric"], contract.GateMetrics()},
	} {
		var got []string
		for _, value := range tc.schema.Enum {
			var name string
			if err := json.Unmarshal(value.Raw, &name); err != nil {
				t.Fatal(err)
			}
			got = append(got, name)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-contract +schema):\n%s", field, diff)
		}
	}
}
