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
)

// flag is an option of a command.
type flag struct{ command, name, usage string }

// flags lists the flags of each command as a table.
func flags(files []file) string {
	shared := sharedFlags(files)
	var found []flag
	for _, f := range files {
		program := strings.TrimSuffix(strings.Split(f.path, "/")[0], ".go")
		if program == "main" {
			program = "manager"
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
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
		fmt.Fprintf(&b, "| `--%s` | %s |\n", f.name, plain(f.usage))
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// sharedFlags are those that functions add to the flags of whichever command calls them.
func sharedFlags(files []file) map[string][]flag {
	shared := map[string][]flag{}
	for _, f := range files {
		for _, declared := range f.syntax.Decls {
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
func sharedName(f file, function string) string { return path.Dir(f.path) + "." + function }

// flagOf returns the flag that a call defines, such as flags.IntVar(&o.epochs, "epochs", 20, "how often …").
func flagOf(call *ast.CallExpr) (flag, bool) {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !strings.HasSuffix(function.Sel.Name, "Var") || len(call.Args) < 3 {
		return flag{}, false
	}
	name, ok := text(call.Args[1])
	if !ok {
		return flag{}, false
	}
	last := call.Args[len(call.Args)-1]
	if format, ok := last.(*ast.CallExpr); ok && called(format) == "Sprintf" {
		last = format.Args[0]
	}
	usage, _ := text(last)
	return flag{name: name, usage: usage}, true
}

// commandOf is the name of the command that a file describes, after a space: the first word of cobra's Use. It is empty if
// the flags are the program's own or those of several commands.
func commandOf(f file) (name string) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Use" {
			use, _ := text(pair.Value)
			name, _, _ = strings.Cut(use, " ")
			name = " " + name
		}
		return true
	})
	return name
}
