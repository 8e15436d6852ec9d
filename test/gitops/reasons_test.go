// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// A reason that nobody has thought of here would be shown by GitOps tools as it happens to be.
func TestEveryReasonIsJudged(t *testing.T) {
	const file = "../../api/v1alpha1/conditions.go"
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, key := range reasons() {
		known[key[strings.LastIndex(key, "/")+1:]] = true
	}
	declared := 0
	ast.Inspect(syntax, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasSuffix(spec.Names[0].Name, "Reason") {
			return true
		}
		reason, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		declared++
		if !known[reason] {
			t.Errorf("the reason %s is new: say in test/gitops/reasons.go how Argo CD should show an object whose Ready has it, or of which other condition "+
				"it is; then have a spec of test/integration reach it", reason)
		}
		return true
	})
	if declared == 0 {
		t.Errorf("no constants of reasons in %s", file)
	}
}
