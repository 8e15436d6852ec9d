// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package docs holds that the pages for users name what the code has: whoever adds a reason, a check, an operator or a
// field to a document is told which page lacks it.
package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
)

const root = "../.."

// read returns files of the repository, joined.
func read(t *testing.T, paths ...string) string {
	t.Helper()
	var all strings.Builder
	for _, path := range paths {
		data, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

// expect reports the words that pages don't have.
func expect(t *testing.T, words []string, pages ...string) {
	t.Helper()
	if len(words) == 0 {
		t.Fatal("no words to look for")
	}
	text := read(t, pages...)
	for _, word := range words {
		if !regexp.MustCompile(`(^|[^-\w])` + regexp.QuoteMeta(word) + `($|[^-\w])`).MatchString(text) {
			t.Errorf("%s is not in %s: describe it there", word, strings.Join(pages, " or "))
		}
	}
}

// constants are the values of a source file's string constants whose names match.
func constants(t *testing.T, path, name string) []string {
	t.Helper()
	var values []string
	for _, match := range regexp.MustCompile(`(?m)^\t(?:`+name+`) *= "([^"]+)"`).FindAllStringSubmatch(read(t, path), -1) {
		values = append(values, match[1])
	}
	return values
}

func TestReasons(t *testing.T) {
	expect(t, constants(t, "api/v1alpha1/conditions.go", `\w+Reason`), "docs/trainingrun.md", "docs/modelserver.md")
}

// Checks are named in the first column of their table, with others like them, and in the sample, which counts them. Those by
// users' own requests are made where a test goes on for a time, which the sample's doesn't.
func TestSmokeChecks(t *testing.T) {
	const page = "docs/server.md"
	checks := constants(t, "server/internal/smoke/checks.go", `check\w+`)
	lasting := constants(t, "server/internal/smoke/traffic.go", `check\w+`)
	if len(checks) == 0 || len(lasting) == 0 {
		t.Fatal("no checks")
	}
	text := read(t, page)
	_, table, _ := strings.Cut(text, "| check | passes if |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, check := range slices.Concat(checks, lasting) {
		if !regexp.MustCompile(`(?m)^\| ([-\w]+, )*` + check + `(, [-\w]+)* \|`).MatchString(table) {
			t.Errorf("%s is not in the table of checks in %s: say there when it passes", check, page)
		}
		if slices.Contains(lasting, check) {
			continue
		}
		if !regexp.MustCompile(`(?m)^` + check + ` +Passed `).MatchString(text) {
			t.Errorf("%s is not in the sample of a smoke test in %s: make one again", check, page)
		}
	}
	if count := fmt.Sprintf("\n%d checks passed", len(checks)); !strings.Contains(text, count) {
		t.Errorf("the sample of a smoke test in %s doesn't say %q", page, strings.TrimSpace(count))
	}
}

func TestOperators(t *testing.T) {
	expect(t, graph.Operators(), "docs/onnx.md")
}

// Operators are compared with ONNX Runtime, or by the standard's own tests.
func TestOperatorsAreCompared(t *testing.T) {
	ours := read(t, "internal/onnx/testdata/operators.txt")
	standard := read(t, "internal/onnx/testdata/standard_node_tests.txt")
	for _, operator := range graph.Operators() {
		if !regexp.MustCompile(`= *`+operator+` *[<(]`).MatchString(ours) && !regexp.MustCompile(`(?m)^`+operator+`: .*: ok$`).MatchString(standard) {
			t.Errorf("%s is in neither internal/onnx/testdata/operators.txt nor, as ok, in standard_node_tests.txt: compare it with ONNX Runtime", operator)
		}
	}
}

func TestNetworksAndOptimizers(t *testing.T) {
	expect(t, slices.Concat(contract.Architectures(), contract.Optimizers()), "docs/training.md")
}

// settings are the names of what changes a training.
func settings() []string {
	return keys(reflect.TypeFor[contract.Training](), reflect.TypeFor[contract.Augmentation](), reflect.TypeFor[contract.Model]())
}

func TestSettings(t *testing.T) {
	expect(t, settings(), "docs/training.md")
}

// Sources have a row each in the first table of the page, by their names in the API.
func TestSourcesOfDatasets(t *testing.T) {
	const page = "docs/data.md"
	names := regexp.MustCompile(`message="dataset must name exactly one source: set one of ([^"]+)"`).FindStringSubmatch(read(t, "api/v1alpha1/dataset_types.go"))
	if names == nil {
		t.Fatal("no rule that says which sources there are")
	}
	text := read(t, page)
	for name := range strings.SplitSeq(names[1], ", ") {
		if !strings.Contains(text, "\n| `dataset."+name+":") {
			t.Errorf("dataset.%s has no row in the table of sources in %s: add one", name, page)
		}
	}
}

// Whoever comes from PyTorch finds each setting of the training beside what it is called there.
func TestSettingsBesidePyTorchs(t *testing.T) {
	words := slices.Concat(contract.Architectures(), contract.Optimizers(), contract.Schedulers(), contract.ValidationMetrics())
	expect(t, slices.Concat(settings(), words), "docs/from-pytorch.md")
}

func TestDocumentsOfRuns(t *testing.T) {
	expect(t, keys(reflect.TypeFor[contract.TrainConfig](), reflect.TypeFor[contract.TrainResult](), reflect.TypeFor[contract.Progress]()), "docs/contract.md")
}

func TestDocumentsOfServers(t *testing.T) {
	documents := keys(reflect.TypeFor[contract.ServeConfig](), reflect.TypeFor[contract.ServeResult](), reflect.TypeFor[contract.SmokeConfig](), reflect.TypeFor[contract.SmokeReport]())
	expect(t, documents, "docs/contract.md", "docs/server.md")
}

// keys are the JSON keys of documents, sorted.
func keys(documents ...reflect.Type) []string {
	var found []string
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for field := range t.Fields() {
			if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
				found = append(found, name)
			}
			walk(field.Type)
		}
	}
	for _, document := range documents {
		walk(document)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Each decision has a number of its own, which its title repeats.
func TestNumbersOfDecisions(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "docs/decisions/*.md"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no decisions in docs/decisions: %v", err)
	}
	names := map[int]string{}
	for _, path := range paths {
		name := filepath.Base(path)
		number, err := strconv.Atoi(name[:4])
		if err != nil {
			t.Errorf("docs/decisions/%s: name it by a number of four digits", name)
			continue
		}
		if other := names[number]; other != "" {
			t.Errorf("docs/decisions/%s has the number of %s: take the next one that is free", name, other)
		}
		names[number] = name
		if title := fmt.Sprintf("# %d. ", number); !strings.HasPrefix(read(t, "docs/decisions/"+name), title) {
			t.Errorf("docs/decisions/%s must begin with %q", name, title)
		}
	}
}
