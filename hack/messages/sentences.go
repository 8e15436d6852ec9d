// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/hack/internal/sources"
)

// messages lists the sentences in the files, under the path of each.
func messages(files []sources.File) string {
	var b strings.Builder
	for _, f := range files {
		found := sentences(f)
		if len(found) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s:\n\n", f.Path)
		for _, sentence := range found {
			fmt.Fprintf(&b, "- %s\n", sources.Plain(sentence))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// atStart are folders and files whose errors end the manager while it starts: no object shows them.
var atStart = regexp.MustCompile(`^controllers/(setup[.]go|metrics/|notify/)`)

// sentences are a file's messages, as formats, each once.
func sentences(f sources.File) (found []string) {
	if atStart.MatchString(f.Path) {
		return nil
	}
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec, *ast.Field:
			return false
		case *ast.ValueSpec:
			return !isSign(n.Names[0].Name)
		case *ast.KeyValueExpr:
			// A map's key is what something is looked up by, a field's is its name.
			if key, ok := n.Key.(*ast.Ident); !ok || !isSign(key.Name) && !isHelp[key.Name] {
				ast.Inspect(n.Value, visit)
			}
			return false
		case *ast.CallExpr:
			_, isFlag := flagOf(n)
			return !isFlag && !logs(n) && !compares(n)
		case ast.Expr:
			sentence, ok := sources.Text(n)
			if ok && isSentence(sentence) && !slices.Contains(found, sentence) {
				found = append(found, sentence)
			}
			return !ok
		}
		return true
	}
	ast.Inspect(f.Syntax, visit)
	return found
}

// isSign tells whether a name is that of texts by which Kubernetes' own messages are recognized: a sign, or signs.
func isSign(name string) bool {
	return regexp.MustCompile(`([sS]ign|[sS]igns)$`).MatchString(name)
}

// isHelp are the fields of commands and metrics that explain them.
var isHelp = map[string]bool{"Use": true, "Short": true, "Long": true, "Example": true, "Help": true}

// called is the name of the function or method that a call calls.
func called(call *ast.CallExpr) string {
	switch function := call.Fun.(type) {
	case *ast.SelectorExpr:
		return function.Sel.Name
	case *ast.Ident:
		return function.Name
	}
	return ""
}

// logs tells whether what a call is given shows in no object: it is logged, or ends a pass that is planned anew at once.
func logs(call *ast.CallExpr) bool {
	switch called(call) {
	case "Info", "Debug", "Warn", "stale":
		return true
	case "Error":
		return len(call.Args) > 1
	}
	return false
}

// compares tells whether a call compares texts, those of Kubernetes' own messages for instance.
func compares(call *ast.CallExpr) bool {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := function.X.(*ast.Ident)
	return ok && (of.Name == "regexp" || of.Name == "strings" && function.Sel.Name != "Join")
}

// sentenceText finds two words, or a word before a name, a number or a quotation.
var sentenceText = regexp.MustCompile(`[a-z]{2,}[,:;]? +[%a-z"(]`)

// isSentence tells a message from names, paths, patterns and selectors.
func isSentence(s string) bool {
	return sentenceText.MatchString(s) && !strings.HasPrefix(s, "^")
}
