// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package console

import (
	"io"
	"strings"
)

// Escape sequences of every terminal since the VT100.
const (
	clearScreen   = "\x1b[2J"
	cursorHome    = "\x1b[H"
	clearLineEnd  = "\x1b[K"
	clearBelow    = "\x1b[J"
	clearThisLine = "\r\x1b[K"
)

// Screen shows one text after another in the same place. Elsewhere than on a terminal they follow each other.
type Screen struct {
	out      io.Writer
	terminal bool
	shown    bool
}

// NewScreen returns a screen on out.
func NewScreen(out io.Writer) *Screen { return &Screen{out: out, terminal: IsTerminal(out)} }

// Redraws tells whether a text takes the place of the one before.
func (s *Screen) Redraws() bool { return s.terminal }

// Show shows a text. It writes over the one before instead of clearing it first, which would flicker.
func (s *Screen) Show(text string) error {
	first := !s.shown
	s.shown = true
	switch {
	case s.terminal:
		text = cursorHome + strings.ReplaceAll(text, "\n", clearLineEnd+"\n") + clearBelow
		if first {
			text = clearScreen + text
		}
	case !first:
		text = "\n" + text
	}
	_, err := io.WriteString(s.out, text)
	return err
}
