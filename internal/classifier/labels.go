// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
)

// Bounds of a list of classes.
const (
	maxLabelsBytes = 16 << 20
	maxClasses     = 100_000
	maxNameBytes   = 1024
)

// toldClasses are the classes that a configuration names, in one of three ways.
func toldClasses(model contract.ServedModel) ([]string, error) {
	ways := 0
	for _, given := range []bool{len(model.Classes) > 0, model.Labels != "", model.LabelsPath != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return nil, nil
	case ways > 1:
		return nil, errors.New("classes, labels and labelsPath are given: leave all but one out")
	case model.LabelsPath != "":
		return readLabels(model.LabelsPath)
	case model.Labels != "":
		return ParseLabels([]byte(model.Labels))
	}
	return distinct(model.Classes)
}

func readLabels(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxLabelsBytes+1))
	if err != nil {
		return nil, err
	}
	classes, err := ParseLabels(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return classes, nil
}

// ParseLabels reads the names of classes from a file of labels: a name a line, or JSON: a list of names, or an object of
// names, or of pairs of identifier and name (imagenet_class_index.json), by index.
func ParseLabels(data []byte) ([]string, error) {
	if len(data) > maxLabelsBytes {
		return nil, fmt.Errorf("has more than %d bytes", maxLabelsBytes)
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
	return distinct(names)
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
	return distinct(names)
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
	return distinct(names)
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

// distinct checks names. Lists such as ImageNet's have some twice: those that come later get their index, since answers are
// by name.
func distinct(names []string) ([]string, error) {
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

// classesOf finds the names of the classes among the properties that other tools write.
func classesOf(properties map[string]string) ([]string, error) {
	for _, key := range []string{"names", "id2label", "classes", "class_names", "labels"} {
		text := strings.TrimSpace(properties[key])
		if text == "" {
			continue
		}
		if text[0] == '{' || text[0] == '[' {
			text = pythonToJSON(text)
		}
		classes, err := ParseLabels([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("the file's property %q %w: name the classes yourself, by classes", key, err)
		}
		return classes, nil
	}
	return nil, fmt.Errorf("%w and names no classes by names, id2label, classes, class_names or labels: say them by classes, in the order of the network's numbers", onnx.ErrNoMetadata)
}

// isUltralytics reports whether the file is a classifier that Ultralytics has written, whose images are cut to a square and
// brought to [0, 1].
func isUltralytics(properties map[string]string) bool {
	return strings.EqualFold(properties["author"], "Ultralytics") && properties["task"] == "classify"
}

// pythonToJSON turns a dictionary or list of strings as Python writes it, {0: 'cat', 1: "dog's"}, into JSON. What is JSON
// already stays as it is.
func pythonToJSON(text string) string {
	if json.Valid([]byte(text)) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\'' || c == '"':
			content, n := pythonString(text[i:])
			quoted, _ := json.Marshal(content) // a string always can be
			b.Write(quoted)
			i += n
		case c >= '0' && c <= '9':
			n := len(text[i:]) - len(strings.TrimLeft(text[i:], "0123456789"))
			fmt.Fprintf(&b, "%q", text[i:i+n]) // a key
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

// pythonString reads the literal that text begins with and returns its content and its length in bytes.
func pythonString(text string) (content string, n int) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == text[0]:
			return b.String(), i + 1
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), len(text)
}
