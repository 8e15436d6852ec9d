// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package labels

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// separator tells what the fields of a table are separated by from its first line: spreadsheets write a comma or a
// semicolon, by the language that they are set to, or a tab.
func separator(start []byte) rune {
	counts := map[byte]int{}
	quoted := false
	for _, c := range start {
		if c == '\n' && !quoted {
			break
		}
		if c == '"' {
			quoted = !quoted
		}
		if !quoted {
			counts[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte(";\t") {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return rune(best)
}

// columnAt says which columns of a table hold what; split is -1 if there is none.
type columnAt struct {
	path, label, split int
	positional         bool
}

// readCSV reads a table, see Read. limited is what in reads from.
func readCSV(in io.Reader, separator rune, limited *limitedReader, columns Columns, each func(Row) error) error {
	reader := csv.NewReader(in)
	reader.Comma = separator
	reader.ReuseRecord = true
	reader.TrimLeadingSpace = separator != '\t' // a tab is a space
	var where *columnAt
	last := 0 // the line that is known to be read
	for {
		limited.row = 0
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(err, last)
		}
		line, _ := reader.FieldPos(0)
		last, _ = reader.FieldPos(len(record) - 1)
		if where == nil {
			var header bool
			if where, header, err = locate(line, record, columns); err != nil {
				return err
			}
			if header {
				continue
			}
		}
		row := Row{Line: line, Positional: where.positional, Path: strings.Clone(record[where.path]), Label: strings.Clone(strings.TrimSpace(record[where.label]))}
		if where.split >= 0 {
			row.Split = strings.Clone(strings.TrimSpace(record[where.split]))
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

// locate finds the columns by the first row of a table, and tells whether that is a header.
func locate(line int, first []string, columns Columns) (where *columnAt, header bool, err error) {
	names := make([]string, len(first))
	for i, name := range first {
		if strings.ContainsRune(name, '\r') {
			return nil, false, at(line, "lines end with a carriage return alone: save the table with line feeds")
		}
		names[i] = strings.TrimSpace(name)
	}
	where = &columnAt{
		path: find(names, columns.Path, usual.path), label: find(names, columns.Label, usual.label), split: find(names, columns.Split, usual.split),
	}
	switch {
	case where.path < 0 && columns == Columns{}:
		return byOrder(line, names)
	case where.path < 0:
		return nil, true, missing(line, "paths", "pathColumn", columns.Path, usual.path, names)
	case where.label < 0:
		return nil, true, missing(line, "labels", "labelColumn", columns.Label, usual.label, names)
	case where.split < 0 && columns.Split != "":
		return nil, true, missing(line, "parts", "splitColumn", columns.Split, usual.split, names)
	}
	return where, true, nil
}

// byOrder is where the columns are in a table without a header.
func byOrder(line int, first []string) (*columnAt, bool, error) {
	switch len(first) {
	case 2:
		return &columnAt{path: 0, label: 1, split: -1, positional: true}, false, nil
	case 3:
		return &columnAt{path: 0, label: 1, split: 2, positional: true}, false, nil
	default:
		return nil, false, at(line, "there is no header that names the columns of a path and a label, and without one there must be 2 or 3 columns, "+
			"path, label and split, not %d: add a header, or name its columns with labels.pathColumn and labels.labelColumn", len(first))
	}
}

// csvError says what is wrong with a table after a line, and where.
func csvError(err error, after int) error {
	if errors.Is(err, errLongRow) {
		return at(after+1, "%w", err)
	}
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	switch {
	case errors.Is(parse.Err, csv.ErrFieldCount):
		return at(parse.Line, "there is another number of columns than in the rows before: put text that holds the separator into quotation marks")
	case errors.Is(parse.Err, csv.ErrQuote), errors.Is(parse.Err, csv.ErrBareQuote):
		return at(parse.Line, "a quotation mark is out of place: put the whole field into quotation marks, and double those within")
	default:
		return at(parse.Line, "%w", parse.Err)
	}
}
