// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Parser parses what the API keeps as text, and keeps the first error, which names the
// field. An empty text is 0.
type Parser struct{ Err error }

// decimal is what the schema's patterns let in, at most: no sign, exponent, hexadecimal digit, infinity or NaN, all of
// which strconv.ParseFloat takes.
var decimal = regexp.MustCompile(`^[0-9]{1,16}([.][0-9]{1,16})?$`)

// Decimal parses a decimal.
func (p *Parser) Decimal(field, value string) float64 {
	if value == "" {
		return 0
	}
	if !decimal.MatchString(value) {
		p.Fail(fmt.Errorf("%s is %q: use a decimal, such as \"0.001\"", field, value))
		return 0
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil {
		p.Fail(fmt.Errorf("%s is %q: %w", field, value, err))
	}
	return number
}

// Fail keeps an error, unless there is one already.
func (p *Parser) Fail(err error) {
	if p.Err == nil {
		p.Err = err
	}
}

// Duration parses a Go duration.
func (p *Parser) Duration(field, value string) time.Duration {
	if value == "" {
		return 0
	}
	duration, err := time.ParseDuration(value)
	if err != nil {
		p.Fail(fmt.Errorf("%s is %q, which is no duration", field, value))
	}
	return duration
}

// Quantity parses a quantity to a whole number.
func (p *Parser) Quantity(field, value string) int64 {
	if value == "" {
		return 0
	}
	quantity, err := resource.ParseQuantity(value)
	if err != nil {
		p.Fail(fmt.Errorf("%s is %q, which is no quantity", field, value))
	}
	return quantity.Value()
}
