// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package console

import (
	"strings"
	"unicode/utf8"
)

// columnGap is the space between two columns.
const columnGap = 2

// String is the page as text without color.
func (p *Page) String() string { return p.Render(false) }

// Render is the page as text, with color or without. It is written at once, so that a screen never shows half of it.
func (p *Page) Render(color bool) string {
	w := writer{color: color}
	for i, section := range p.sections {
		if section.Title != "" {
			if i > 0 {
				w.text.WriteByte('\n')
			}
			w.row([]Cell{{Text: section.Title, Style: Bold}}, nil)
		}
		for _, block := range section.Blocks {
			w.block(block)
		}
	}
	return w.text.String()
}

// writer writes cells as text.
type writer struct {
	color bool
	text  strings.Builder
}

func (w *writer) block(block Block) {
	var widths []int
	for _, row := range block.Rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if block.Table {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell.Text)+columnGap)
			}
		}
	}
	for _, row := range block.Rows {
		w.row(row, widths)
	}
}

// row writes cells, each but the last that isn't empty as wide as its column.
func (w *writer) row(row []Cell, widths []int) {
	last := len(row) - 1
	for last > 0 && row[last].Text == "" {
		last--
	}
	for i, cell := range row[:last+1] {
		w.text.WriteString(w.styled(cell))
		if i < last {
			w.text.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell.Text))))
		}
	}
	w.text.WriteByte('\n')
}

func (w *writer) styled(cell Cell) string {
	if !w.color || cell.Style == Plain || cell.Text == "" {
		return cell.Text
	}
	return "\x1b[" + escapes[cell.Style] + "m" + cell.Text + "\x1b[0m"
}
