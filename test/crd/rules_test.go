// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package crd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tooLarge are rules of which an example would fill pages, and that the bounds of other fields are tested with, by how their
// messages begin.
var tooLarge = []string{"env must not hold values of more than", "resources must have names of at most"}

// A rule that no object breaks may let through what it is there to refuse. Objects of test/integration/testdata/invalid say in
// their first comments what the API server answers.
func TestEveryRuleIsBroken(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "integration", "testdata", "invalid", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no invalid objects: %v", err)
	}
	var answers []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if answer, ok := strings.CutPrefix(line, "# want: "); ok {
				answers = append(answers, strings.TrimSpace(answer))
			}
		}
	}
	rules := 0
	for _, kinds := range []string{"trainingruns", "modelservers"} {
		err := walk(kinds, func(path string, s schema) {
			for _, rule := range s.Rules {
				rules++
				says := func(answer string) bool { return strings.Contains(rule.Message, answer) }
				begins := func(text string) bool { return strings.HasPrefix(rule.Message, text) }
				if !slices.ContainsFunc(answers, says) && !slices.ContainsFunc(tooLarge, begins) {
					t.Errorf("%s: nothing in test/integration/testdata/invalid breaks the rule %q: add an object that does", path, rule.Message)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if rules == 0 {
		t.Error("found no rules")
	}
}
