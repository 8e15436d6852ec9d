// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import "fmt"

// Parser parses what the API keeps as text, and keeps the first error, which names the field.
type Parser struct{ Err error }

// Parse returns what a field's value stands for, and 0 if it is empty or can't be parsed.
func Parse[T any, V interface {
	~string
	Parse() (T, error)
}](p *Parser, field string, value V) T {
	parsed, err := value.Parse()
	if err != nil {
		p.Fail(fmt.Errorf("%s is %.32q: %w", field, string(value), err))
	}
	return parsed
}

// Fail keeps an error, unless there is one already.
func (p *Parser) Fail(err error) {
	if p.Err == nil {
		p.Err = err
	}
}
