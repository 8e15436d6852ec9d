// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package logging writes the log: JSON lines where a machine reads them, short lines where a person does.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/lmittmann/tint"
)

// Formats of the log.
const (
	Text = "text"
	JSON = "json"
)

// New returns a logger that writes to w.
func New(w io.Writer, format string, color bool) (*slog.Logger, error) {
	switch format {
	case Text:
		return slog.New(tint.NewTextHandler(w, &tint.Options{TimeFormat: time.TimeOnly, NoColor: !color})), nil
	case JSON:
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	default:
		return nil, fmt.Errorf("log format is %q: use %s or %s", format, Text, JSON)
	}
}

// Tail keeps the end of what is written to it. It is safe for concurrent use.
type Tail struct {
	mu   sync.Mutex
	keep int
	data []byte
}

// NewTail returns a Tail of at most keep bytes.
func NewTail(keep int) *Tail { return &Tail{keep: keep} }

// Write implements io.Writer.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p[max(0, len(p)-t.keep):]...)
	if excess := len(t.data) - t.keep; excess > 0 {
		t.data = append(t.data[:0], t.data[excess:]...)
	}
	return len(p), nil
}

// String returns the end of what was written, from the beginning of a line where it holds one.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := string(t.data)
	if len(t.data) < t.keep {
		return text
	}
	for i := range len(text) - 1 {
		if text[i] == '\n' {
			return text[i+1:]
		}
	}
	return text
}
