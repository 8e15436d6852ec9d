// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sources reads what the project's Go sources say, for the pages that are
// generated from them.
package sources

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// File is a parsed source file.
type File struct {
	Path   string
	Syntax *ast.File
}

// Parse reads the Go files in folders that are neither tests nor generated, in the order of their paths.
func Parse(root string, folders ...string) ([]File, error) {
	var files []File
	set := token.NewFileSet()
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name := entry.Name()
			if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "zz_") {
				return nil
			}
			syntax, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			path, err = filepath.Rel(root, path)
			files = append(files, File{Path: filepath.ToSlash(path), Syntax: syntax})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Text returns the value of a string, also of one that is joined of several.
func Text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		value, err := strconv.Unquote(e.Value)
		return value, err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		x, isText := Text(e.X)
		y, isTextToo := Text(e.Y)
		switch {
		case isText && isTextToo:
			return x + y, true
		case isText:
			return x + "%v", true
		case isTextToo:
			return "%v" + y, true
		}
	case *ast.ParenExpr:
		return Text(e.X)
	}
	return "", false
}

var verb = regexp.MustCompile(`%%|%[-+#0 ]*[0-9]*(\.([0-9]+|\*))?(\[[0-9]\])?[a-zA-Z]`)

// Plain shows a format without its verbs.
func Plain(format string) string {
	return Cell(verb.ReplaceAllStringFunc(format, func(verb string) string {
		if verb == "%%" {
			return "%"
		}
		return "…"
	}))
}

// Cell makes a text fit into a line of Markdown.
func Cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "_", `\_`).Replace(strings.TrimSpace(s))
}
