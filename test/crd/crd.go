// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package crd reads what the schemas of the API say: the defaults that the API server gives to objects, the ranges of
// their numbers, the values of enumerations and the names that users may not take, for tests of programs that have the
// same of their own.
package crd

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// schema is the part of a schema that holds defaults and ranges.
type schema struct {
	Type       string            `json:"type"`
	Default    any               `json:"default"`
	Minimum    *float64          `json:"minimum"`
	Maximum    *float64          `json:"maximum"`
	Enum       []string          `json:"enum"`
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	Rules      []struct {
		Message string `json:"message"`
		Rule    string `json:"rule"`
	} `json:"x-kubernetes-validations"`
}

// Defaults returns the defaults of a kind's spec, by the path of their field, such as
// dataset.split.seed. Kinds are named in lower case and plural, as their CRDs are.
func Defaults(kinds string) (map[string]string, error) {
	defaults := map[string]string{}
	return defaults, walk(kinds, func(path string, s schema) {
		// Those of fields that have no fields of their own and are there without a list's item.
		if s.Default != nil && len(s.Properties) == 0 && !strings.Contains(path, "[]") {
			defaults[path] = fmt.Sprint(s.Default)
		}
	})
}

// Range is that of a number. A bound that the schema doesn't have is infinite. A decimal may have to be above Least or below
// Most rather than at it.
type Range struct{ Least, Most float64 }

// Ranges returns the ranges of a kind's spec's numbers, by the path of their field, such as gates[].min. Those of integers are in
// the schema, those of decimals, which are text, in the messages of their rules.
func Ranges(kinds string) (map[string]Range, error) {
	ranges := map[string]Range{}
	return ranges, walk(kinds, func(path string, s schema) {
		switch s.Type {
		case "integer":
			found := Range{math.Inf(-1), math.Inf(1)}
			if s.Minimum != nil {
				found.Least = *s.Minimum
			}
			if s.Maximum != nil {
				found.Most = *s.Maximum
			}
			ranges[path] = found
		case "string":
			for _, rule := range s.Rules {
				if found, ok := stated(rule.Message); ok {
					ranges[path] = found
				}
			}
		}
	})
}

// decimalRange finds the range of a decimal in a rule's message.
var decimalRange = regexp.MustCompile(`must be a decimal (?:from|above) ([0-9.]+)(?:,? to |,? below | and below | and at most )([0-9.]+) in quotes`)

func stated(message string) (found Range, ok bool) {
	match := decimalRange.FindStringSubmatch(strings.ReplaceAll(message, ", in quotes", " in quotes"))
	if match == nil {
		return found, false
	}
	least, leastErr := strconv.ParseFloat(match[1], 64)
	most, mostErr := strconv.ParseFloat(match[2], 64)
	return Range{least, most}, leastErr == nil && mostErr == nil
}

// Enum returns the values of an enumeration of a kind's spec, in their order.
func Enum(kinds, field string) (values []string, err error) {
	err = walk(kinds, func(path string, s schema) {
		if path == field {
			values = s.Enum
		}
	})
	if err == nil && len(values) == 0 {
		err = fmt.Errorf("%s has no enumeration %s", kinds, field)
	}
	return values, err
}

// refusal finds the expression in a rule that refuses what matches it.
var refusal = regexp.MustCompile(`^!self\.matches\('(.*)'\)$`)

// Refused returns what a field of a kind's spec may not match.
func Refused(kinds, field string) (expression *regexp.Regexp, err error) {
	var problem error
	err = walk(kinds, func(path string, s schema) {
		for _, rule := range s.Rules {
			if match := refusal.FindStringSubmatch(rule.Rule); match != nil && path == field {
				expression, problem = regexp.Compile(match[1])
			}
		}
	})
	if err == nil && expression == nil && problem == nil {
		problem = fmt.Errorf("%s: no rule of %s refuses an expression", kinds, field)
	}
	return expression, errors.Join(err, problem)
}

// walk visits each field of a kind's spec, and the items of lists.
func walk(kinds string, visit func(path string, s schema)) error {
	data, err := read(kinds)
	if err != nil {
		return err
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(data, &definition); err != nil {
		return err
	}
	for _, version := range definition.Spec.Versions {
		version.Schema.OpenAPIV3Schema.Properties["spec"].walk("", visit)
	}
	return nil
}

func (s schema) walk(path string, visit func(path string, s schema)) {
	visit(path, s)
	if s.Items != nil {
		s.Items.walk(path+"[]", visit)
	}
	for name, property := range s.Properties {
		child := name
		if path != "" {
			child = path + "." + name
		}
		property.walk(child, visit)
	}
}

// read returns the CRD of a kind.
func read(kinds string) ([]byte, error) {
	file := filepath.Join("config", "crd", "bases", "trainyard.dev_"+kinds+".yaml")
	for root := "."; len(root) < 64; root = filepath.Join("..", root) {
		if data, err := os.ReadFile(filepath.Join(root, file)); err == nil {
			return data, nil
		}
	}
	return nil, fmt.Errorf("find %s above the folder of the test", file)
}
