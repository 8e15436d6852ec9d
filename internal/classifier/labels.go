// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/classnames"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
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
		return classnames.Parse([]byte(model.Labels))
	}
	return classnames.Distinct(model.Classes)
}

func readLabels(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, classnames.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	classes, err := classnames.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return classes, nil
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
		classes, err := classnames.Parse([]byte(text))
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
