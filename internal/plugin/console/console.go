// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package console prints what people read: titled tables, in color where a terminal shows it.
package console

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Style is how text looks.
type Style string

// The styles.
const (
	Plain Style = ""
	Bold  Style = "bold"
	Faint Style = "faint"
	Bad   Style = "bad"
	Good  Style = "good"
	Busy  Style = "busy"
)

// escapes are the parameters of the styles' escape sequences.
var escapes = map[Style]string{Bold: "1", Faint: "2", Bad: "31", Good: "32", Busy: "33"}

// IsTerminal tells whether a person is at the other end of a stream, which is read or written.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// HasColor tells whether to color what is written there: on terminals, unless NO_COLOR or TERM say otherwise.
func HasColor(out io.Writer) bool {
	return IsTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Page is what a person reads: sections, each of lines and tables. A terminal shows it as text, a browser as it likes.
type Page struct{ sections []Section }

// Section is a part of a page, which has a title unless it is the first of a page without.
type Section struct {
	Title  string  `json:"title"`
	Blocks []Block `json:"blocks"`
}

// Block is a table, or one line of cells without a gap between them.
type Block struct {
	Rows  [][]Cell `json:"rows"`
	Table bool     `json:"table"`
	// Headings says that the first row of a table names its columns.
	Headings bool `json:"headings"`
}

// NewPage returns an empty page.
func NewPage() *Page { return &Page{} }

// Sections are what the page consists of.
func (p *Page) Sections() []Section { return p.sections }

// Title begins a section.
func (p *Page) Title(title string) { p.sections = append(p.sections, Section{Title: title}) }

// Line writes cells one after the other.
func (p *Page) Line(cells ...Cell) { p.add(Block{Rows: [][]Cell{cells}}) }

// Linef writes a line of plain text.
func (p *Page) Linef(format string, args ...any) { p.Line(Textf(format, args...)) }

// Table writes a table.
func (p *Page) Table(t *Table) { p.add(Block{Rows: t.rows, Table: true, Headings: t.headings}) }

func (p *Page) add(block Block) {
	if len(p.sections) == 0 {
		p.sections = append(p.sections, Section{})
	}
	last := &p.sections[len(p.sections)-1]
	last.Blocks = append(last.Blocks, block)
}

// Cell is a piece of text in one style.
type Cell struct {
	Text  string `json:"text"`
	Style Style  `json:"style,omitempty"`
}

// Text is a plain cell.
func Text(text string) Cell { return Cell{Text: text} }

// Textf is a plain cell, formatted.
func Textf(format string, args ...any) Cell { return Cell{Text: fmt.Sprintf(format, args...)} }

// Table is rows whose columns begin below each other.
type Table struct {
	rows     [][]Cell
	headings bool
}

// NewTable returns a table with a heading for each column.
func NewTable(headings ...string) *Table {
	t := &Table{headings: len(headings) > 0}
	row := make([]Cell, 0, len(headings))
	for _, heading := range headings {
		row = append(row, Cell{Text: heading, Style: Faint})
	}
	if t.headings {
		t.Row(row...)
	}
	return t
}

// Row adds a row.
func (t *Table) Row(cells ...Cell) { t.rows = append(t.rows, cells) }
