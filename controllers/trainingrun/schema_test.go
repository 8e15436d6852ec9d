// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
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
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "trainyard.dev_trainingruns.yaml"))
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

// A source that is added to the API is one of the union's rule, and reaches the runner.
func TestSourcesOfTheSchemaReachTheRunner(t *testing.T) {
	rules := runSchema(t).Properties["spec"].Properties["dataset"].XValidations
	typ := reflect.TypeFor[v1alpha1.Dataset]()
	var members []string
	for i := range typ.NumField() {
		member := typ.Field(i).Type
		kind := member.Kind()
		if kind != reflect.String && (kind != reflect.Pointer || member.Elem().Kind() != reflect.Struct) {
			continue // what holds for any source
		}
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		members = append(members, "has(self."+name+")")
		run := makeRun().Obj()
		run.Spec.Dataset.Generated = nil
		field := reflect.ValueOf(&run.Spec.Dataset).Elem().Field(i)
		if kind == reflect.String {
			field.SetString("s3://datasets/pets")
		} else {
			field.Set(reflect.New(field.Type().Elem()))
		}
		if config, err := trainConfig(run); err != nil || len(config.Dataset.Sources()) != 1 {
			t.Errorf("a dataset of %s gives the runner %v, %v", name, config.Dataset.Sources(), err)
		}
		if run.Spec.Dataset.Generated == nil && datasetField(run) == "" {
			t.Errorf("a failure of a dataset of %s names no field: name it in datasetField", name)
		}
	}
	want := "[" + strings.Join(members, ", ") + "].exists_one(set, set)"
	for _, rule := range rules {
		if rule.Rule == want {
			return
		}
	}
	t.Errorf("the schema of spec.dataset lacks the rule %s", want)
}
