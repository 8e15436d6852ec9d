// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command messages writes docs/reference/messages.md: every condition, reason and flag, the messages that the controllers
// write into conditions and events, and those with which the API server refuses an object. It reads the sources in the
// working directory, which is the repository's root.
package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const header = `# Messages

Generated from the sources by ` + "`make generate`" + `; changes are lost. "…" stands for a name, a number or a cause.

`

func main() {
	page, err := page(".")
	if err == nil {
		_, err = os.Stdout.WriteString(page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "messages:", err)
		os.Exit(1)
	}
}

// page renders the page for the repository in a folder.
func page(root string) (string, error) {
	api, err := parse(root, "api")
	if err != nil {
		return "", err
	}
	controllers, err := parse(root, "controllers", "internal/conditions")
	if err != nil {
		return "", err
	}
	programs, err := parse(root, "main.go", "runner", "server")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(header)
	b.WriteString("## Conditions\n\n| Type | Meaning |\n|---|---|\n" + constants(api, "Condition"))
	b.WriteString("\n## Reasons\n\nOf conditions, and of the events of their transitions.\n\n| Reason | Meaning |\n|---|---|\n" + constants(slices.Concat(api, controllers), "Reason"))
	b.WriteString("\n## Messages of conditions and events\n\nIn the order of the sources. Some are parts of others.\n\n" + messages(controllers))
	b.WriteString("\n## Refused by the API server\n\n" + refusals(api))
	b.WriteString("\n## Flags\n\n" + flags(programs))
	return b.String(), nil
}

// file is a parsed source file.
type file struct {
	path   string
	syntax *ast.File
}

// parse reads the Go files in folders that are neither tests nor generated, in the order of their paths.
func parse(root string, folders ...string) ([]file, error) {
	var files []file
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
			files = append(files, file{path: filepath.ToSlash(path), syntax: syntax})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// constants lists the string constants whose names end in suffix, as rows of a table: value and comment.
func constants(files []file, suffix string) string {
	rows := map[string]string{}
	for _, f := range files {
		for _, d := range f.syntax.Decls {
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
	value, ok := text(spec.Values[0])
	if !ok {
		return
	}
	comment := cmp.Or(spec.Doc.Text(), spec.Comment.Text())
	if comment == "" && !group.Lparen.IsValid() {
		comment = group.Doc.Text()
	}
	comment = strings.TrimPrefix(strings.Join(strings.Fields(comment), " "), spec.Names[0].Name+" ")
	rows[value] = join(rows[value], cell(comment))
}

// join joins the comments of constants that have the same value.
func join(a, b string) string {
	if a == "" || a == b {
		return b
	}
	return a + " " + b
}

// messages lists the sentences in the files, under the path of each.
func messages(files []file) string {
	var b strings.Builder
	for _, f := range files {
		var found []string
		reported := map[ast.Expr]bool{}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec, *ast.Field:
				return false
			case *ast.CallExpr:
				if name := called(n); name == "Stalled" || name == "Waiting" {
					reported[n.Args[len(n.Args)-1]] = true
				}
				return !logs(n) && !matches(n) && (reported[n] || !wraps(n))
			case ast.Expr:
				if sentence, ok := text(n); ok {
					if isSentence(sentence) && !slices.Contains(found, sentence) {
						found = append(found, sentence)
					}
					return false
				}
			}
			return true
		})
		if len(found) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s:\n\n", f.path)
		for _, sentence := range found {
			fmt.Fprintf(&b, "- %s\n", plain(sentence))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

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

// logs tells whether a call writes to the log, which is no message to the user of an object.
func logs(call *ast.CallExpr) bool {
	return called(call) == "Info" || called(call) == "Error" && len(call.Args) > 1
}

// wraps tells whether a call says what failed around an error of the API server: those are retried, and only logged, unless
// the reconcile ends as stalled or waiting with them.
func wraps(call *ast.CallExpr) bool {
	if called(call) != "Errorf" {
		return false
	}
	format, _ := text(call.Args[0])
	return strings.HasSuffix(format, ": %w") && !strings.Contains(format, "refuses")
}

// matches tells whether a call compares texts, those of Kubernetes' own messages for instance.
func matches(call *ast.CallExpr) bool {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := function.X.(*ast.Ident)
	return ok && (of.Name == "regexp" || of.Name == "strings" && function.Sel.Name != "Join")
}

// isSentence tells a message from names, paths, patterns and selectors.
func isSentence(s string) bool {
	return len(regexp.MustCompile(`[a-z]{2,}[,:;]? +[%a-z"]`).FindString(s)) > 0 && !strings.HasPrefix(s, "^")
}

var message = regexp.MustCompile(`message="((?:[^"\\]|\\.)*)"`)

// refusals lists the messages of validation rules, under the path of each file.
func refusals(files []file) string {
	var b strings.Builder
	for _, f := range files {
		var found []string
		for _, group := range f.syntax.Comments {
			for _, line := range group.List {
				if match := message.FindStringSubmatch(line.Text); match != nil && !slices.Contains(found, match[1]) {
					found = append(found, match[1])
				}
			}
		}
		for _, text := range found {
			fmt.Fprintf(&b, "- %s\n", plain(strings.ReplaceAll(text, `\"`, `"`)))
		}
	}
	return b.String()
}

// flag is an option of a command.
type flag struct{ command, name, usage string }

// flags lists the flags of each command as a table.
func flags(files []file) string {
	var found []flag
	for _, f := range files {
		program := strings.TrimSuffix(strings.Split(f.path, "/")[0], ".go")
		if program == "main" {
			program = "manager"
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if option, ok := flagOf(call); ok {
					option.command = program + commandOf(f)
					found = append(found, option)
				}
			}
			return true
		})
	}
	slices.SortStableFunc(found, func(a, b flag) int { return cmp.Or(cmp.Compare(a.command, b.command), cmp.Compare(a.name, b.name)) })
	var b strings.Builder
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

// text returns the value of a string, also of one that is joined of several.
func text(e ast.Expr) (string, bool) {
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
		x, isText := text(e.X)
		y, isTextToo := text(e.Y)
		switch {
		case isText && isTextToo:
			return x + y, true
		case isText:
			return x + "%v", true
		case isTextToo:
			return "%v" + y, true
		}
	case *ast.ParenExpr:
		return text(e.X)
	}
	return "", false
}

var verb = regexp.MustCompile(`%[-+#0 ]*[0-9]*(\.[0-9]+)?(\[[0-9]\])?[a-zA-Z]`)

// plain shows a format without its verbs.
func plain(format string) string {
	return cell(strings.ReplaceAll(verb.ReplaceAllString(format, "…"), "%%", "%"))
}

// cell makes a text fit into a line of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "_", `\_`).Replace(strings.TrimSpace(s))
}
