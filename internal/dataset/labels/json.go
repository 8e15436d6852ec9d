// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package labels

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// readJSON reads an object from each line, see Read. limited is what in reads from.
func readJSON(in io.Reader, limited *limitedReader, columns Columns, each func(Row) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRowBytes)
	line := 0
	for lines.Scan() {
		line++
		limited.row = 0
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		row, err := decodeRow(text, columns)
		if err != nil {
			return at(line, "%w", err)
		}
		row.Line = line
		if err := each(row); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return at(line+1, "the object has more than 1 MiB: write one object a line, and leave out what is neither path, label nor split")
	}
	return lines.Err()
}

// decodeRow reads one object. What it doesn't say is empty.
func decodeRow(text []byte, columns Columns) (row Row, err error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return row, fmt.Errorf("no JSON object: %w: write one object a line", err)
	}
	keys := slices.Sorted(maps.Keys(object))
	for _, field := range []struct {
		to     *string
		asked  string
		likely []string
	}{{&row.Path, columns.Path, usual.path}, {&row.Label, columns.Label, usual.label}, {&row.Split, columns.Split, usual.split}} {
		at := find(keys, field.asked, field.likely)
		if at < 0 {
			continue
		}
		if *field.to, err = scalar(object[keys[at]]); err != nil {
			return row, fmt.Errorf("%q %w", keys[at], err)
		}
	}
	row.Label, row.Split = strings.TrimSpace(row.Label), strings.TrimSpace(row.Split)
	return row, nil
}

// scalar is a string or a whole number as text; null is empty.
func scalar(value json.RawMessage) (string, error) {
	var text string
	if err := json.Unmarshal(value, &text); err == nil {
		return text, nil
	}
	var number json.Number
	if err := json.Unmarshal(value, &number); err == nil && !strings.ContainsAny(number.String(), ".eE") {
		return number.String(), nil
	}
	return "", errors.New("must be a string or a whole number")
}
