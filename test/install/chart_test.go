// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the snapshots anew")

const keepAnnotation = "helm.sh/resource-policy"

// comparable is an object without what the two ways may differ in: Helm's annotation, and the order of variables.
func comparable(t *testing.T, object *unstructured.Unstructured) map[string]any {
	t.Helper()
	out := object.DeepCopy()
	annotations := out.GetAnnotations()
	delete(annotations, keepAnnotation)
	out.SetAnnotations(annotations)
	if out.GetKind() == "Deployment" {
		containers, _, err := unstructured.NestedSlice(out.Object, "spec", "template", "spec", "containers")
		if err != nil || len(containers) != 1 {
			t.Fatalf("%d containers: %v", len(containers), err)
		}
		env := containers[0].(map[string]any)["env"].([]any)
		slices.SortFunc(env, func(a, b any) int {
			return cmp.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
		})
		if err := unstructured.SetNestedSlice(out.Object, containers, "spec", "template", "spec", "containers"); err != nil {
			t.Fatal(err)
		}
	}
	return out.Object
}

// The chart renders, object by object, what kustomize builds. A release makes no namespace of its own.
func TestChartIsKustomize(t *testing.T) {
	overlay := func(name string) func(*testing.T) []byte {
		return func(t *testing.T) []byte { t.Helper(); return build(t, filepath.Join(overlays, name)) }
	}
	cases := map[string]struct {
		kustomize func(*testing.T) []byte
		namespace string
		args      []string
	}{
		"install.yaml":      {kustomize: installer},
		"high availability": {kustomize: overlay("high-availability"), args: []string{"--set", "manager.replicas=2"}},
		"network policy":    {kustomize: overlay("network-policy"), args: []string{"--set", "networkPolicy.enabled=true"}},
		"monitoring": {kustomize: overlay("monitoring"), args: []string{
			"--set", "monitoring.monitors=true,monitoring.rules=true,monitoring.dashboards=true",
		}},
		"namespaced": {kustomize: overlay("namespaced"), namespace: "team-a", args: []string{
			"--set", "watchNamespaces={team-a,team-b},crds.install=false,userRoles.install=false,metrics.enabled=false",
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			want := objects(t, tc.kustomize(t))
			delete(want, "Namespace /trainyard-system")
			got := objects(t, render(t, cmp.Or(tc.namespace, "trainyard-system"), tc.args...))
			if diff := gocmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
				t.Fatalf("objects (-kustomize +chart):\n%s", diff)
			}
			for key, object := range want {
				if diff := gocmp.Diff(comparable(t, object), comparable(t, got[key])); diff != "" {
					t.Errorf("%s (-kustomize +chart):\n%s", key, diff)
				}
			}
			t.Logf("%d objects are equal", len(want))
		})
	}
}

// Uninstalling a release must leave what users have made, so Helm keeps the CustomResourceDefinitions.
func TestUninstallingKeepsCRDs(t *testing.T) {
	kept := 0
	for key, object := range objects(t, render(t, "trainyard-system")) {
		isCRD := object.GetKind() == "CustomResourceDefinition"
		if keeps := object.GetAnnotations()[keepAnnotation] == "keep"; keeps != isCRD {
			t.Errorf("%s: kept when uninstalled is %t, want %t", key, keeps, isCRD)
		}
		if isCRD {
			kept++
		}
	}
	if kept != 2 {
		t.Errorf("%d CustomResourceDefinitions, want 2", kept)
	}
}

func TestLint(t *testing.T) {
	for _, values := range append(valuesFiles(t), "") {
		args := []string{"lint", "--strict", chart}
		if values != "" {
			args = append(args, "--values", values)
		}
		if _, err := run(t, nil, helm(t), args...); err != nil {
			t.Error(err)
		}
	}
}

func valuesFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %v: %v", files, err)
	}
	return files
}

// TestSnapshots shows in a review what a change of the chart changes. What it takes from config as it is, is left out.
func TestSnapshots(t *testing.T) {
	taken := regexp.MustCompile(`^(CustomResourceDefinition|ClusterRole|PrometheusRule)\b|trainyard-dashboards$`)
	for _, values := range valuesFiles(t) {
		t.Run(filepath.Base(values), func(t *testing.T) {
			all := objects(t, render(t, "operators", "--values", values))
			var got bytes.Buffer
			for _, key := range slices.Sorted(maps.Keys(all)) {
				if taken.MatchString(key) {
					continue
				}
				text, err := yaml.Marshal(all[key].Object)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(text)
			}
			snapshot := filepath.Join("testdata/rendered", filepath.Base(values))
			if *update {
				if err := os.WriteFile(snapshot, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(snapshot)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("go test ./test/install -update writes the snapshot anew (-want +got):\n%s", diff)
			}
		})
	}
}

// What the schema refuses, with a part of what Helm says of it.
func TestSchemaRefuses(t *testing.T) {
	for set, want := range map[string]string{
		"manager.replica=2":                     "replica",
		"image=trainyard":                       "image",
		"manager.replicas=two":                  "manager/replicas",
		"manager.replicas=-1":                   "manager/replicas",
		"images.pullPolicy=Sometimes":           "images/pullPolicy",
		"images.registry=https://registry":      "images/registry",
		"images.tag=v1 2":                       "images/tag",
		"images.server.digest=sha256:1":         "images/server/digest",
		"images.server.tag=v1":                  "tag",
		"watchNamespaces=team-a":                "watchNamespaces",
		"watchNamespaces={Team_A}":              "watchNamespaces/0",
		"watchNamespaces={team-a,team-a}":       "watchNamespaces",
		"manager.args={zap-log-level=debug}":    "manager/args/0",
		"networkPolicy.apiServerPorts={https}":  "networkPolicy/apiServerPorts/0",
		"monitoring.labels.release=true":        "monitoring/labels/release",
		"images.pullSecrets[0].secret=registry": "images/pullSecrets/0",
	} {
		_, err := run(t, nil, helm(t), "template", "trainyard", chart, "--set", set)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "schema") {
			t.Errorf("--set %s: error = %v, want one of the schema with %q", set, err, want)
		}
	}
}

// Each value does something: set to another, something else is rendered.
func TestEachValueCounts(t *testing.T) {
	others := map[string]string{
		"images.registry":              `"other.example"`,
		"images.tag":                   `"v9"`,
		"images.pullPolicy":            `"Always"`,
		"images.pullSecrets":           `[{"name": "registry"}]`,
		"images.manager":               `{"repository": "other"}`,
		"images.runner":                `{"digest": "sha256:` + strings.Repeat("a", 64) + `"}`,
		"images.server":                `{"digest": "sha256:` + strings.Repeat("b", 64) + `"}`,
		"watchNamespaces":              `["team-a"]`,
		"manager.replicas":             `3`,
		"manager.args":                 `["--zap-log-level=debug"]`,
		"manager.resources":            `{"limits": {"memory": "1Gi"}}`,
		"manager.priorityClassName":    `"high"`,
		"manager.podLabels":            `{"team": "zoo"}`,
		"manager.podAnnotations":       `{"team": "zoo"}`,
		"manager.nodeSelector":         `{"pool": "other"}`,
		"manager.tolerations":          `[{"operator": "Exists"}]`,
		"manager.affinity":             `{"podAffinity": {}}`,
		"crds.install":                 `false`,
		"userRoles.install":            `false`,
		"metrics.enabled":              `false`,
		"monitoring.monitors":          `false`,
		"monitoring.rules":             `false`,
		"monitoring.dashboards":        `false`,
		"monitoring.labels":            `{"release": "other"}`,
		"networkPolicy.enabled":        `false`,
		"networkPolicy.apiServerPorts": `[16443]`,
		"networkPolicy.metricsFrom":    `[{"namespaceSelector": {}}]`,
	}
	// Everything that can be turned on is, for values that count only then.
	render := func(args ...string) []byte {
		out, err := run(t, nil, helm(t), append([]string{"template", "trainyard", chart, "--values", "testdata/values/everything.yaml"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := render()
	page, err := os.ReadFile(filepath.Join(chart, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([\\w.]+)` \\| `").FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, match[1])
	}
	if diff := gocmp.Diff(slices.Sorted(slices.Values(documented)), slices.Sorted(maps.Keys(others))); diff != "" {
		t.Errorf("values (-README.md +this test):\n%s", diff)
	}
	for name, other := range others {
		if !json.Valid([]byte(other)) {
			t.Fatalf("%s: %s is no JSON", name, other)
		}
		if bytes.Equal(before, render("--set-json", name+"="+other)) {
			t.Errorf("%s=%s changes nothing", name, other)
		}
	}
}
