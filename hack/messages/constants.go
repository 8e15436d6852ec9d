// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/hack/internal/sources"
)

// constants lists the string constants whose names end in suffix, as rows of a table: value and comment.
func constants(files []sources.File, suffix string) string {
	rows := map[string]string{}
	for _, f := range files {
		for _, d := range f.Syntax.Decls {
			if group, ok := d.(*ast.GenDecl); ok && group.Tok == token.CONST {
				for _, s := range group.Specs {
					addConstant(rows, group, s.(*ast.ValueSpec), suffix)
				}
			}
		}
	}
	var b strings.Builder
	for _, value := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&b, "| %s | %s |\n", value, rows[value])
	}
	return b.String()
}

// addConstant adds the row of a constant, whose comment stands before it, before the whole declaration, or after it.
func addConstant(rows map[string]string, group *ast.GenDecl, spec *ast.ValueSpec, suffix string) {
	if len(spec.Names) != 1 || len(spec.Values) != 1 || !strings.HasSuffix(spec.Names[0].Name, suffix) {
		return
	}
	value, ok := sources.Text(spec.Values[0])
	if !ok {
		return
	}
	comment := cmp.Or(spec.Doc.Text(), spec.Comment.Text())
	if comment == "" && !group.Lparen.IsValid() {
		comment = group.Doc.Text()
	}
	comment = strings.TrimPrefix(strings.Join(strings.Fields(comment), " "), spec.Names[0].Name+" ")
	rows[value] = join(rows[value], sources.Cell(comment))
}

// join joins the comments of constants that have the same value.
func join(a, b string) string {
	if a == "" || a == b {
		return b
	}
	return a + " " + b
}

var message = regexp.MustCompile(`message="((?:[^"\\]|\\.)*)"`)

// refusals lists the messages of validation rules, under the path of each file.
func refusals(files []sources.File) string {
	var b strings.Builder
	for _, f := range files {
		var found []string
		for _, group := range f.Syntax.Comments {
			for _, line := range group.List {
				if match := message.FindStringSubmatch(line.Text); match != nil && !slices.Contains(found, match[1]) {
					found = append(found, match[1])
				}
			}
		}
		for _, text := range found {
			fmt.Fprintf(&b, "- %s\n", sources.Plain(strings.ReplaceAll(text, `\"`, `"`)))
		}
	}
	return b.String()
}
