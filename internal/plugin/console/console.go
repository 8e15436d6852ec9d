// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package console prints what people read: titled tables, in color where a terminal shows it.
package console

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Style is how text looks on a terminal.
type Style string

// The styles, each by the parameters of its escape sequence.
const (
	Plain Style = ""
	Bold  Style = "1"
	Faint Style = "2"
	Bad   Style = "31"
	Good  Style = "32"
	Busy  Style = "33"
)

// IsTerminal tells whether a person is at the other end of a stream, which is read or written.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// HasColor tells whether to color what is written there: on terminals, unless NO_COLOR or TERM say otherwise.
func HasColor(out io.Writer) bool {
	return IsTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Page collects text, which is written at once so that a screen never shows half of it.
type Page struct {
	color bool
	text  strings.Builder
}

// NewPage returns an empty page, with color or without.
func NewPage(color bool) *Page { return &Page{color: color} }

// String is the text of the page.
func (p *Page) String() string { return p.text.String() }

// Title begins a section.
func (p *Page) Title(title string) {
	if p.text.Len() > 0 {
		p.text.WriteByte('\n')
	}
	p.Line(Cell{Text: title, Style: Bold})
}

// Line writes cells one after the other.
func (p *Page) Line(cells ...Cell) {
	for _, cell := range cells {
		p.text.WriteString(p.styled(cell))
	}
	p.text.WriteByte('\n')
}

// Linef writes a line of plain text.
func (p *Page) Linef(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

func (p *Page) styled(cell Cell) string {
	if !p.color || cell.Style == Plain || cell.Text == "" {
		return cell.Text
	}
	return "\x1b[" + string(cell.Style) + "m" + cell.Text + "\x1b[0m"
}

// Cell is a piece of text in one style.
type Cell struct {
	Text  string
	Style Style
}

// Text is a plain cell.
func Text(text string) Cell { return Cell{Text: text} }

// Textf is a plain cell, formatted.
func Textf(format string, args ...any) Cell { return Cell{Text: fmt.Sprintf(format, args...)} }

// Table is rows whose columns begin below each other.
type Table struct{ rows [][]Cell }

// NewTable returns a table with a heading for each column.
func NewTable(headings ...string) *Table {
	t := &Table{}
	row := make([]Cell, 0, len(headings))
	for _, heading := range headings {
		row = append(row, Cell{Text: heading, Style: Faint})
	}
	if len(row) > 0 {
		t.Row(row...)
	}
	return t
}

// Row adds a row.
func (t *Table) Row(cells ...Cell) { t.rows = append(t.rows, cells) }

// columnGap is the space between two columns.
const columnGap = 2

// Table writes a table.
func (p *Page) Table(t *Table) {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell.Text))
		}
	}
	for _, row := range t.rows {
		last := len(row) - 1
		for last > 0 && row[last].Text == "" {
			last--
		}
		for i, cell := range row[:last+1] {
			p.text.WriteString(p.styled(cell))
			if i < last {
				p.text.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell.Text)+columnGap))
			}
		}
		p.text.WriteByte('\n')
	}
}
