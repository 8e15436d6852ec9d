// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// scripts are those of this repository.
var scripts = Scripts{Folder: filepath.Join("..", "..", "config", "argocd", "resource_customizations")}

// healthTests is a health_test.yaml of Argo CD's layout.
type healthTests struct {
	Tests []struct {
		InputPath    string `json:"inputPath"`
		HealthStatus Health `json:"healthStatus"`
	} `json:"tests"`
}

// actionTests is an action_test.yaml of Argo CD's layout.
type actionTests struct {
	DiscoveryTests []struct {
		InputPath string   `json:"inputPath"`
		Result    []Action `json:"result"`
	} `json:"discoveryTests"`
	ActionTests []struct {
		Action               string `json:"action"`
		InputPath            string `json:"inputPath"`
		ExpectedOutputPath   string `json:"expectedOutputPath"`
		ExpectedErrorMessage string `json:"expectedErrorMessage"`
	} `json:"actionTests"`
}

// folders are those of the kinds.
func folders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(scripts.Folder, "trainyard.dev", "*"))
	if err != nil || len(found) != len(ofReady) {
		t.Fatalf("found %v, want a folder for each of %d kinds: %v", found, len(ofReady), err)
	}
	return found
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.UnmarshalStrict(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readObject(t *testing.T, path string) *unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		text, err = yaml.YAMLToJSON(text)
	}
	object := &unstructured.Unstructured{}
	if err == nil {
		err = object.UnmarshalJSON(text)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return object
}

func TestHealthOfTestdata(t *testing.T) {
	for _, folder := range folders(t) {
		var tests healthTests
		read(t, filepath.Join(folder, "health_test.yaml"), &tests)
		for _, tc := range tests.Tests {
			t.Run(filepath.Base(folder)+"/"+tc.InputPath, func(t *testing.T) {
				object := readObject(t, filepath.Join(folder, tc.InputPath))
				got, err := scripts.Health(object)
				if err != nil {
					t.Fatal(err)
				}
				if err := scripts.Judge(object); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(tc.HealthStatus, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

func TestActionsOfTestdata(t *testing.T) {
	for _, folder := range folders(t) {
		folder = filepath.Join(folder, "actions")
		var tests actionTests
		read(t, filepath.Join(folder, "action_test.yaml"), &tests)
		for _, tc := range tests.DiscoveryTests {
			t.Run("discovery/"+tc.InputPath, func(t *testing.T) {
				got, err := scripts.Actions(readObject(t, filepath.Join(folder, tc.InputPath)))
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]Action{}
				for _, action := range tc.Result {
					want[action.Name] = action
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
		for _, tc := range tests.ActionTests {
			t.Run(tc.Action+"/"+tc.InputPath, func(t *testing.T) {
				got, err := scripts.Act(readObject(t, filepath.Join(folder, tc.InputPath)), tc.Action)
				if tc.ExpectedErrorMessage != "" {
					if err == nil {
						t.Errorf("no error, want %s", tc.ExpectedErrorMessage)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(readObject(t, filepath.Join(folder, tc.ExpectedOutputPath)), got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}
