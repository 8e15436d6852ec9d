// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/hack/internal/sources"
)

// flag is an option of a command.
type flag struct{ command, name, usage string }

// flags lists the flags of each command as a table.
func flags(files []sources.File) string {
	shared := sharedFlags(files)
	var found []flag
	for _, f := range files {
		program := strings.TrimSuffix(strings.Split(f.Path, "/")[0], ".go")
		if program == "main" {
			program = "manager"
		}
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			options := shared[sharedName(f, called(call))]
			if option, ok := flagOf(call); ok {
				options = []flag{option}
			}
			for _, option := range options {
				option.command = program + commandOf(f)
				found = append(found, option)
			}
			return true
		})
	}
	slices.SortStableFunc(found, func(a, b flag) int { return cmp.Or(cmp.Compare(a.command, b.command), cmp.Compare(a.name, b.name)) })
	var b strings.Builder
	found = slices.Compact(found) // a function in a command's own file is found twice
	command := ""
	for _, f := range found {
		if f.command != command {
			command = f.command
			fmt.Fprintf(&b, "\n`%s`:\n\n| Flag | Meaning |\n|---|---|\n", command)
		}
		fmt.Fprintf(&b, "| `--%s` | %s |\n", f.name, sources.Plain(f.usage))
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// sharedFlags are those that functions add to the flags of whichever command calls them.
func sharedFlags(files []sources.File) map[string][]flag {
	shared := map[string][]flag{}
	for _, f := range files {
		for _, declared := range f.Syntax.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || !takesFlags(function) {
				continue
			}
			name := sharedName(f, function.Name.Name)
			ast.Inspect(function, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if option, ok := flagOf(call); ok {
						shared[name] = append(shared[name], option)
					}
				}
				return true
			})
		}
	}
	return shared
}

// takesFlags tells functions that are given a command's flags from those that make a command.
func takesFlags(function *ast.FuncDecl) bool {
	return function.Recv == nil && slices.ContainsFunc(function.Type.Params.List, func(parameter *ast.Field) bool {
		pointer, ok := parameter.Type.(*ast.StarExpr)
		if !ok {
			return false
		}
		name, ok := pointer.X.(*ast.SelectorExpr)
		return ok && name.Sel.Name == "FlagSet"
	})
}

// sharedName tells functions of one name in different packages apart.
func sharedName(f sources.File, function string) string { return path.Dir(f.Path) + "." + function }

// flagOf returns the flag that a call defines, such as flags.IntVar(&o.epochs, "epochs", 20, "how often …").
func flagOf(call *ast.CallExpr) (flag, bool) {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) < 3 {
		return flag{}, false
	}
	// name and usage are where flag.FlagSet has them.
	named, last := call.Args[1], call.Args[len(call.Args)-1]
	switch {
	case strings.HasSuffix(function.Sel.Name, "Var"):
	case function.Sel.Name == "Func":
		named, last = call.Args[0], call.Args[1]
	default:
		return flag{}, false
	}
	name, ok := sources.Text(named)
	if !ok {
		return flag{}, false
	}
	if format, ok := last.(*ast.CallExpr); ok && called(format) == "Sprintf" {
		last = format.Args[0]
	}
	usage, _ := sources.Text(last)
	return flag{name: name, usage: usage}, true
}

// commandOf is the name of the command that a file describes, after a space: the first word of cobra's Use. It is empty if
// the flags are the program's own or those of several commands.
func commandOf(f sources.File) (name string) {
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Use" {
			use, _ := sources.Text(pair.Value)
			name, _, _ = strings.Cut(use, " ")
			name = " " + name
		}
		return true
	})
	return name
}
