// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package progress tells the person at the terminal what a long command is doing, how far it is and how
// long it took: one line that is redrawn in a terminal, plain lines elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	// redrawEvery is how often a terminal's line is drawn again at most.
	redrawEvery = 100 * time.Millisecond
	// plainEvery is how often a step says how far it is where there is no terminal.
	plainEvery = 30 * time.Second
	barWidth   = 24
)

// Reporter prints steps one after another. It is safe for concurrent use, but only one step at a time is
// drawn: the one begun last.
type Reporter struct {
	out      io.Writer
	terminal bool
	width    func() int
	now      func() time.Time
	mu       sync.Mutex
}

// New returns a Reporter on a file: it draws if the file is a terminal.
func New(f *os.File) *Reporter {
	return &Reporter{
		out:      f,
		terminal: term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb",
		width: func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil {
				return w
			}
			return 80
		},
		now: time.Now,
	}
}

// Printf prints a line of its own.
func (r *Reporter) Printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// Step begins a step. In a terminal its name is shown at once, elsewhere with its first progress or its end.
func (r *Reporter) Step(name string) *Step {
	s := &Step{r: r, name: name, began: r.now()}
	s.drawn = s.began
	if r.terminal {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.draw(name + " …")
	}
	return s
}

// Step is one thing that is being done.
type Step struct {
	r     *Reporter
	name  string
	began time.Time
	drawn time.Time
}

// Say shows what the step is about just now, without a measure of how far it is.
func (s *Step) Say(format string, args ...any) {
	s.update(-1, fmt.Sprintf(format, args...))
}

// At shows how far the step is: a fraction from 0 to 1, what it has counted, and the time left as estimated
// from the fraction and the time spent.
func (s *Step) At(fraction float64, detail string) {
	s.update(min(max(fraction, 0), 1), detail)
}

func (s *Step) update(fraction float64, detail string) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	now, every := s.r.now(), plainEvery
	if s.r.terminal {
		every = redrawEvery
	}
	if now.Sub(s.drawn) < every {
		return
	}
	s.drawn = now
	text := s.name
	if fraction >= 0 {
		if s.r.terminal {
			text += " " + bar(fraction)
		}
		text += fmt.Sprintf(" %3.0f %%", 100*fraction)
	}
	text += "  " + detail
	if left, ok := estimate(now.Sub(s.began), fraction); ok {
		text += ", about " + Round(left) + " left"
	}
	if s.r.terminal {
		s.r.draw(text)
		return
	}
	fmt.Fprintf(s.r.out, "  %s\n", text)
}

// Done ends the step and prints how long it took.
func (s *Step) Done(format string, args ...any) {
	s.end("✓", fmt.Sprintf(format, args...))
}

// Fail ends the step as failed; the error itself is the caller's to return.
func (s *Step) Fail() {
	s.end("✗", "failed")
}

func (s *Step) end(mark, detail string) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if s.r.terminal {
		fmt.Fprint(s.r.out, "\r\033[K")
	}
	text := mark + " " + s.name
	if detail != "" {
		text += ": " + detail
	}
	fmt.Fprintf(s.r.out, "%s (%s)\n", text, Round(s.r.now().Sub(s.began)))
}

// draw replaces the terminal's current line, cut to its width.
func (r *Reporter) draw(text string) {
	runes := []rune(text)
	if w := r.width(); w > 1 && len(runes) > w-1 {
		runes = runes[:w-1]
	}
	fmt.Fprintf(r.out, "\r\033[K%s", string(runes))
}

func bar(fraction float64) string {
	full := int(fraction * barWidth)
	return "[" + strings.Repeat("█", full) + strings.Repeat("░", barWidth-full) + "]"
}

// estimate returns the time left; there is none to tell before 2 % are done.
func estimate(spent time.Duration, fraction float64) (time.Duration, bool) {
	if fraction < 0.02 || fraction >= 1 {
		return 0, false
	}
	return time.Duration(float64(spent) * (1 - fraction) / fraction), true
}

// Round writes a duration for a person: tenths of a second under ten seconds, seconds under ten minutes,
// minutes above.
func Round(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 10*time.Minute:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
}
