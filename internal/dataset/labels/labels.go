// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package labels reads manifests: tables that give each image of a dataset its label, and may give its part of a split.
// They are CSV, as spreadsheets and scripts write it, or JSON Lines, and are read row by row within bounds.
package labels

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/errkind"
)

// Columns name the columns of a manifest, or the keys of its objects. Those that are empty are found by the names that
// such columns usually have, or by their order in a table without a header: path, label, and, if there are three, split.
type Columns struct{ Path, Label, Split string }

// Row is what a manifest says of one image.
type Row struct {
	// Line is where the row begins, from 1.
	Line int
	// Path, Label and Split are as they stand there, the latter two without spaces around them. Whether they mean
	// anything is the caller's to judge; what the manifest doesn't say is empty.
	Path, Label, Split string
	// Positional says that the columns were told by their order, as there is no header.
	Positional bool
}

// bounds are those of a manifest, and so of what it takes in memory.
type bounds struct {
	bytes int64
	rows  int
}

// maxRowBytes bounds one row.
const maxRowBytes = 1 << 20

// ErrFault is the kind of errors of a manifest that can't be read as one. They say in which line it is at fault, and what
// to do about it.
var ErrFault = errors.New("manifest at fault")

// Read calls each with every row, in order, until it returns an error. Errors other than those of r and of each wrap
// ErrFault.
func Read(r io.Reader, columns Columns, each func(Row) error) error {
	return readWithin(bounds{bytes: 1 << 30, rows: 5_000_000}, r, columns, each)
}

func readWithin(most bounds, r io.Reader, columns Columns, each func(Row) error) error {
	limited := &limitedReader{from: r, left: most.bytes}
	in := bufio.NewReader(limited)
	start, err := in.Peek(in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		return at(1, "the text is UTF-16: save it as UTF-8")
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		start = start[3:]
		_, _ = in.Discard(3) // which are there
	}
	rows := 0
	counted := func(row Row) error {
		if rows++; rows > most.rows {
			return at(row.Line, "there are more than %d rows: divide the dataset", most.rows)
		}
		return each(row)
	}
	switch text := bytes.TrimLeft(start, " \t\r\n"); {
	case bytes.HasPrefix(text, []byte("{")):
		return readJSON(in, limited, columns, counted)
	case bytes.HasPrefix(text, []byte("[")):
		return at(1, "a JSON array can't be read row by row: write one object a line (JSON Lines), such as by jq -c '.[]'")
	default:
		return readCSV(in, separator(start), limited, columns, counted)
	}
}

// limitedReader reads up to a bound, which it is an error to exceed, and counts what a row takes.
type limitedReader struct {
	from io.Reader
	left int64
	row  int // bytes since it was last set to 0
}

var (
	errTooLarge = errkind.With(ErrFault, errors.New("there is more than 1 GiB: divide the dataset"))
	errLongRow  = errors.New("the row has more than 1 MiB: close its quotation marks, or shorten it")
)

func (l *limitedReader) Read(p []byte) (int, error) {
	switch {
	case l.left <= 0:
		return 0, errTooLarge
	case l.row > maxRowBytes:
		return 0, errLongRow
	}
	n, err := l.from.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	l.row += n
	return n, err
}

// at is an error of a line.
func at(line int, format string, args ...any) error {
	return errkind.With(ErrFault, fmt.Errorf("line %d: "+format, append([]any{line}, args...)...))
}

// usual are the names that columns have, the likeliest first, as plain returns them.
var usual = struct{ path, label, split []string }{
	path:  []string{"path", "filepath", "imagepath", "imgpath", "file", "filename", "image", "imagefile", "imagename", "img"},
	label: []string{"label", "class", "classname", "category", "target"},
	split: []string{"split", "subset", "partition"},
}

// plain is a column's name without case, spaces, '_' and '-', in which people differ.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(name))
}

// find returns which of the names is the column: the one that is asked for, or the likeliest; -1 if none is.
func find(names []string, asked string, likely []string) int {
	if asked != "" {
		for i, name := range names {
			if name == asked {
				return i
			}
		}
		return -1
	}
	for _, want := range likely {
		for i, name := range names {
			if plain(name) == want {
				return i
			}
		}
	}
	return -1
}

// missing is the error of a row, or a header, without a column that is needed.
func missing(line int, what, field, asked string, likely, names []string) error {
	has := fmt.Sprintf("it has %s", list(names))
	if asked != "" {
		return at(line, "there is no column %q, which labels.%s names; %s", asked, field, has)
	}
	return at(line, "no column is named as one of the %s is, such as %q or %q; %s: name it with labels.%s", what, likely[0], likely[1], has, field)
}

// list shows names for a message.
func list(names []string) string {
	const most, longest = 12, 40
	var shown []string
	for _, name := range names[:min(len(names), most)] {
		if len(name) > longest {
			name = name[:longest] + "…"
		}
		shown = append(shown, fmt.Sprintf("%q", name))
	}
	if len(names) > most {
		shown = append(shown, fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(shown, ", ")
}
