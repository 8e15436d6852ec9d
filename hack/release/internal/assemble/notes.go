// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"bytes"
	_ "embed"
	"strings"
	"text/template"

	"github.com/trainyard-dev/trainyard/hack/internal/sources"
	"github.com/trainyard-dev/trainyard/hack/release/internal/source"
)

//go:embed notes.md.tmpl
var notesText string

var notesTemplate = template.Must(template.New("notes").Funcs(template.FuncMap{"plain": sources.Cell}).Parse(notesText))

// notes are what the page of a release says.
func notes(version string, commit source.Commit, images []builtImage) []byte {
	type row struct{ Name, Ref string }
	var rows []row
	for _, i := range images {
		rows = append(rows, row{i.name, i.ref()})
	}
	var out bytes.Buffer
	err := notesTemplate.Execute(&out, struct {
		Version, Number, URL string
		Images               []row
		Commit               source.Commit
	}{version, strings.TrimPrefix(version, "v"), "https://github.com/trainyard-dev/trainyard/releases/download/" + version, rows, commit})
	if err != nil {
		panic(err) // the template is ours, and its fields are above
	}
	return out.Bytes()
}
