// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"io"
	"sync"
	"time"

	"github.com/trainyard-dev/trainyard/internal/plugin/console"
)

// printer prints lines, and keeps one below them that changes in place, where a terminal shows that.
type printer struct {
	mu       sync.Mutex
	out      io.Writer
	color    bool
	terminal bool
	location *time.Location
	raw      bool
	status   string
}

const clearLine = "\r\x1b[K"

// line prints a line of a log, behind the name of its pod where several are read.
func (p *printer) line(pod string, line []byte) error {
	cells := []console.Cell{console.Text(string(line))}
	if !p.raw {
		cells = readable(line, p.location)
	}
	if pod != "" {
		cells = append([]console.Cell{{Text: pod + " ", Style: console.Faint}}, cells...)
	}
	page := console.NewPage()
	page.Line(cells...)
	p.mu.Lock()
	defer p.mu.Unlock()
	text := page.Render(p.color)
	if p.status != "" {
		text = clearLine + text + p.status
	}
	_, err := io.WriteString(p.out, text)
	return err
}

// show puts a status below the lines, in the place of the one before; an empty one removes it.
func (p *printer) show(status string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.terminal || status == p.status {
		return nil
	}
	p.status = status
	_, err := io.WriteString(p.out, clearLine+status)
	return err
}
