// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package logs is the verb that prints the log of a run or of a server as people read it, with the progress of a run below.
package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/trainyard-dev/trainyard/internal/plugin/console"
)

// levels are how the levels of a log look.
var levels = map[string]console.Cell{
	"DEBUG": {Text: "DBG", Style: console.Faint},
	"INFO":  {Text: "INF", Style: console.Good},
	"WARN":  {Text: "WRN", Style: console.Busy},
	"ERROR": {Text: "ERR", Style: console.Bad},
}

// readable makes of a line of JSON, as runner and server log in a pod, one for people: the time, the level, the message and
// the rest in its order. Another line stays as it is.
func readable(line []byte, location *time.Location) []console.Cell {
	plain := []console.Cell{console.Text(string(line))}
	keys, values, err := object(line)
	if err != nil {
		return plain
	}
	var at time.Time
	var level, message string
	for key, value := range map[string]any{"time": &at, "level": &level, "msg": &message} {
		if json.Unmarshal(values[key], value) != nil {
			return plain
		}
	}
	mark, known := levels[level]
	if !known {
		mark = console.Text(level)
	}
	cells := []console.Cell{
		{Text: at.In(location).Format(time.TimeOnly), Style: console.Faint}, console.Text(" "), mark, console.Text(" " + message),
	}
	for _, key := range keys {
		if key == "time" || key == "level" || key == "msg" {
			continue
		}
		cells = append(cells, console.Cell{Text: " " + key + "=", Style: console.Faint}, console.Text(valueText(values[key])))
	}
	return cells
}

// object reads the members of a JSON object, and their names in order.
func object(line []byte) (keys []string, values map[string]json.RawMessage, err error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, nil, fmt.Errorf("no object: %w", err)
	}
	values = map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, nil, err
		}
		key, _ := token.(string) // what comes before a value is a name
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, nil, err
		}
		keys, values[key] = append(keys, key), value
	}
	_, err = decoder.Token()
	return keys, values, err
}

// valueText is a value as text: a string without quotes where it needs none.
func valueText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil || text == "" || strings.ContainsAny(text, " \"=\n\t") {
		return string(value)
	}
	return text
}
