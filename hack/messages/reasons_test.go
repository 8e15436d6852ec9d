// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/hack/internal/sources"
)

// A reason that nothing gives would be documented, weighed and looked up in vain.
func TestEveryReasonIsGiven(t *testing.T) {
	for name, tc := range map[string]struct{ declaredIn, givenIn []string }{
		"conditions and events": {[]string{"api", "controllers"}, []string{"controllers"}},
		"runners and servers":   {[]string{"internal/contract"}, []string{"runner", "server"}},
	} {
		t.Run(name, func(t *testing.T) {
			declared, err := sources.Parse("../..", tc.declaredIn...)
			if err != nil {
				t.Fatal(err)
			}
			reasons := reasonConstants(declared)
			if len(reasons) == 0 {
				t.Fatal("no constants of reasons")
			}
			giving, err := sources.Parse("../..", tc.givenIn...)
			if err != nil {
				t.Fatal(err)
			}
			given := givenNames(giving)
			for _, reason := range reasons {
				if !given[reason] {
					t.Errorf("%s is never given in %s, where it is compared at most: set it, or remove it", reason, strings.Join(tc.givenIn, " or "))
				}
			}
		})
	}
}

// reasonConstants are the names of constants that are called XReason or ReasonX.
func reasonConstants(files []sources.File) []string {
	var names []string
	for _, f := range files {
		for _, d := range f.Syntax.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, s := range group.Specs {
				for _, name := range s.(*ast.ValueSpec).Names {
					if strings.HasSuffix(name.Name, "Reason") || strings.HasPrefix(name.Name, "Reason") {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

// givenNames are the names, without packages, whose values go somewhere: into a call, a field, a variable, or to a caller.
// Comparing with a value, choosing by it or looking it up gives it to nobody.
func givenNames(files []sources.File) map[string]bool {
	given := map[string]bool{}
	add := func(values ...ast.Expr) {
		for _, value := range values {
			switch e := value.(type) {
			case *ast.Ident:
				given[e.Name] = true
			case *ast.SelectorExpr:
				given[e.Sel.Name] = true
			}
		}
	}
	for _, f := range files {
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if !asks(n.Fun) {
					add(n.Args...)
				}
			case *ast.KeyValueExpr:
				add(n.Value)
			case *ast.ReturnStmt:
				add(n.Results...)
			case *ast.AssignStmt:
				add(n.Rhs...)
			}
			return true
		})
	}
	return given
}

// asks tells whether a function looks at its operands only.
func asks(function ast.Expr) bool {
	selector, ok := function.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	in, ok := selector.X.(*ast.Ident)
	return ok && (in.Name == "slices" || in.Name == "strings")
}

func TestGivenNames(t *testing.T) {
	syntax, err := parser.ParseFile(token.NewFileSet(), "a.go", `package a
func f(reason string) string {
	if reason == a.ComparedReason || slices.Contains(listed, a.ContainedReason) {
		log.Info(a.CalledReason)
	}
	switch reason {
	case a.SwitchedReason:
		reason = a.AssignedReason
	}
	_ = weights{a.KeyReason: true}
	_ = failure{Reason: a.FieldReason}
	_ = weights[a.IndexReason]
	return returnedReason
}`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.DeleteFunc(slices.Sorted(maps.Keys(givenNames([]sources.File{{Syntax: syntax}}))), func(name string) bool { return !strings.HasSuffix(name, "Reason") })
	if diff := cmp.Diff([]string{"AssignedReason", "CalledReason", "FieldReason", "returnedReason"}, got); diff != "" {
		t.Errorf("given (-want +got):\n%s", diff)
	}
}
