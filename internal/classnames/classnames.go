// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package classnames reads lists of the names of a model's classes, for those who serve models and those who have them served.
package classnames

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxBytes bounds the text of a list of classes.
const MaxBytes = 16 << 20

// Bounds of the names in it.
const (
	maxClasses   = 100_000
	maxNameBytes = 1024
)

// Parse reads the names of classes from a file of labels: a name a line, or JSON: a list of names, or an object of
// names, or of pairs of identifier and name (imagenet_class_index.json), by index.
func Parse(data []byte) ([]string, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("has more than %d bytes", MaxBytes)
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	switch {
	case text == "":
		return nil, errors.New("is empty: it must have a name a line")
	case text[0] == '[':
		return parseList(text)
	case text[0] == '{':
		return parseObject(text)
	}
	var names []string
	for line := range strings.Lines(text) {
		names = append(names, strings.TrimSpace(line))
	}
	return Distinct(names)
}

func parseList(text string) ([]string, error) {
	var items []json.RawMessage
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, fmt.Errorf("is no JSON list: %w", err)
	}
	names := make([]string, len(items))
	for i, item := range items {
		var err error
		if names[i], err = parseName(item); err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return Distinct(names)
}

func parseObject(text string) ([]string, error) {
	var items map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, fmt.Errorf("is no JSON object: %w", err)
	}
	names := make([]string, len(items))
	for key, item := range items {
		name, err := parseName(item)
		index, keyErr := strconv.Atoi(key)
		switch {
		case keyErr != nil && err != nil: // {"cat": 0}
			if json.Unmarshal(item, &index) != nil {
				return nil, fmt.Errorf("%.40q: has neither an index nor a name", key)
			}
			name = key
		case keyErr != nil:
			return nil, fmt.Errorf("%.40q is no index: the keys must be 0, 1, …", key)
		case err != nil:
			return nil, fmt.Errorf("%q: %w", key, err)
		}
		if index < 0 || index >= len(names) || names[index] != "" {
			return nil, fmt.Errorf("the indices must be those from 0 to %d, each once: %d is not, or twice", len(names)-1, index)
		}
		names[index] = name
	}
	return Distinct(names)
}

// parseName reads a name, or a pair of identifier and name.
func parseName(item json.RawMessage) (string, error) {
	var name string
	if json.Unmarshal(item, &name) == nil {
		return name, nil
	}
	var pair []string
	if json.Unmarshal(item, &pair) != nil || len(pair) != 2 {
		return "", errors.New("must be a name, or a pair of identifier and name")
	}
	return pair[1], nil
}

// Distinct checks names. Lists such as ImageNet's have some twice: those that come later get their index, since answers are
// by name.
func Distinct(names []string) ([]string, error) {
	if len(names) < 2 || len(names) > maxClasses {
		return nil, fmt.Errorf("has %d names; it must have from 2 to %d", len(names), maxClasses)
	}
	seen := make(map[string]bool, len(names))
	result := make([]string, len(names))
	for i, name := range names {
		if name == "" || len(name) > maxNameBytes {
			return nil, fmt.Errorf("name %d has %d bytes; it must have from 1 to %d", i, len(name), maxNameBytes)
		}
		if seen[name] {
			name = fmt.Sprintf("%s (%d)", name, i)
		}
		if seen[name] {
			return nil, fmt.Errorf("name %d, %.80q, is there twice", i, name)
		}
		seen[name], result[i] = true, name
	}
	return result, nil
}
