// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// commentWidth is where lines of comments in values.yaml end.
const commentWidth = 118

//go:embed README.tmpl
var readme string

// value is a value that users set, or a group of them.
type value struct {
	name, description string
	// fallback is nil for a group.
	fallback *yaml.Node
	children values
}

type values []value

// property is the part of a JSON schema that is read.
type property struct {
	Description string    `yaml:"description"`
	Default     yaml.Node `yaml:"default"`
	Properties  yaml.Node `yaml:"properties"`
}

// parseValues reads the values of a schema in their order: those with a default, and groups of such.
func parseValues(schema []byte) (values, error) {
	var root property
	if err := yaml.Unmarshal(schema, &root); err != nil {
		return nil, err
	}
	return parseProperties("", &root.Properties)
}

func parseProperties(parent string, properties *yaml.Node) (values, error) {
	var found values
	for i := 0; i+1 < len(properties.Content); i += 2 {
		name := properties.Content[i].Value
		var p property
		if err := properties.Content[i+1].Decode(&p); err != nil {
			return nil, fmt.Errorf("%s%s: %w", parent, name, err)
		}
		switch {
		case !p.Default.IsZero():
			if p.Description == "" {
				return nil, fmt.Errorf("%s%s has a default and no description", parent, name)
			}
			found = append(found, value{name: name, description: p.Description, fallback: &p.Default})
		case p.Properties.Kind == yaml.MappingNode:
			children, err := parseProperties(parent+name+".", &p.Properties)
			if err != nil {
				return nil, err
			}
			found = append(found, value{name: name, children: children})
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no values below " + parent)
	}
	return found, nil
}

// yaml renders values.yaml.
func (v values) yaml() ([]byte, error) {
	text, err := encode(v.node())
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, generated, "values.schema.json"), text...), nil
}

func (v values) node() *yaml.Node {
	mapping := &yaml.Node{Kind: yaml.MappingNode}
	for _, value := range v {
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: value.name, HeadComment: wrap(value.description)}
		content := value.fallback
		if content == nil {
			content = value.children.node()
		} else {
			content = plain(content)
		}
		mapping.Content = append(mapping.Content, key, content)
	}
	return mapping
}

// plain is a node of JSON in the style of YAML.
func plain(node *yaml.Node) *yaml.Node {
	out := *node
	out.Style = 0
	if len(node.Content) == 0 && node.Kind != yaml.ScalarNode {
		out.Style = yaml.FlowStyle
	}
	out.Content = nil
	for _, child := range node.Content {
		out.Content = append(out.Content, plain(child))
	}
	return &out
}

// wrap breaks a text into the lines of a comment.
func wrap(text string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len("# ")+len(line)+1+len(word) > commentWidth {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return strings.Join(append(lines, line), "\n")
}

// row is a line of the README's table.
type row struct{ Name, Default, Description string }

// readme renders README.md.
func (v values) readme() ([]byte, error) {
	page, err := template.New("README").Parse(readme)
	if err != nil {
		return nil, err
	}
	rows, err := v.rows("")
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = page.Execute(&text, rows)
	return text.Bytes(), err
}

func (v values) rows(parent string) ([]row, error) {
	var rows []row
	for _, value := range v {
		name := parent + value.name
		if value.fallback == nil {
			children, err := value.children.rows(name + ".")
			if err != nil {
				return nil, err
			}
			rows = append(rows, children...)
			continue
		}
		var decoded any
		if err := value.fallback.Decode(&decoded); err != nil {
			return nil, fmt.Errorf("the default of %s: %w", name, err)
		}
		fallback, err := json.Marshal(decoded)
		if err != nil {
			return nil, fmt.Errorf("the default of %s: %w", name, err)
		}
		rows = append(rows, row{name, string(fallback), value.description})
	}
	return rows, nil
}
