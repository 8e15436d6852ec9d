// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Numbers that JSON can't hold exactly are text in the API. A type for each says what the schema accepts, as far as its
// fields agree, and parses it. Parse fails on what no field's schema lets in, should an object be older than a rule; an
// empty text is 0.

// Decimal is a decimal number without sign and exponent, such as "0.001". Its fields have rules, which refuse an empty text.
type Decimal string

// Fraction is a decimal from 0 to 1, such as "0.25".
//
// +kubebuilder:validation:MaxLength=10
// +kubebuilder:validation:XValidation:rule="self.matches('^(0([.][0-9]{1,6})?|1([.]0{1,6})?)$')",message="must be a decimal from 0 to 1 in quotes, such as \"0.25\""
type Fraction string

// Ratio is a decimal from 0.1 to 10, such as "1.5".
//
// +kubebuilder:validation:MaxLength=10
// +kubebuilder:validation:XValidation:rule="self.matches('^(0[.][1-9][0-9]{0,5}|[1-9]([.][0-9]{1,6})?|10)$')",message="must be a decimal from 0.1 to 10 in quotes, such as \"1.5\""
type Ratio string

// GoDuration is a duration as Go writes it, such as 2m or 1m30s, without sign.
//
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=16
type GoDuration string

// Amount is a whole number as Kubernetes writes quantities, such as 50M or 10Mi, without sign and exponent.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=16
type Amount string

// maxValueLength is the longest text that any of these types takes.
const maxValueLength = 16

// What the schema's rules let in. strconv.ParseFloat takes signs, exponents, hexadecimal digits, infinity and NaN as well.
var (
	decimalText  = regexp.MustCompile(`^[0-9]+([.][0-9]+)?$`)
	fractionText = regexp.MustCompile(`^(0([.][0-9]+)?|1([.]0+)?)$`)
	durationText = regexp.MustCompile(`^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$`)
	amountText   = regexp.MustCompile(`^[0-9]{1,12}([.][0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti)?$`)
)

// Parse returns the number.
func (d Decimal) Parse() (float64, error) {
	return parseValue(string(d), decimalText, parseFloat, `use a decimal, such as "0.001"`)
}

// Parse returns the number.
func (f Fraction) Parse() (float64, error) {
	return parseValue(string(f), fractionText, parseFloat, `use a decimal from 0 to 1, such as "0.25"`)
}

// Parse returns the number.
func (r Ratio) Parse() (float64, error) {
	return parseValue(string(r), decimalText, parseFloat, `use a decimal from 0.1 to 10, such as "1.5"`)
}

// Parse returns the duration.
func (d GoDuration) Parse() (time.Duration, error) {
	return parseValue(string(d), durationText, time.ParseDuration, "use a duration, such as 2m")
}

// Parse returns the number, rounded up.
func (a Amount) Parse() (int64, error) {
	return parseValue(string(a), amountText, func(text string) (int64, error) {
		quantity, err := resource.ParseQuantity(text)
		return quantity.Value(), err
	}, "use a quantity, such as 50M or 10Mi")
}

// parseValue parses a text of a form. The error is the remedy, as whoever knows the field puts the field before it.
func parseValue[T any](text string, form *regexp.Regexp, parse func(string) (T, error), remedy string) (T, error) {
	var none T
	if text == "" {
		return none, nil
	}
	if len(text) > maxValueLength || !form.MatchString(text) {
		return none, fmt.Errorf("%s, of at most %d characters", remedy, maxValueLength)
	}
	value, err := parse(text)
	if err != nil {
		return none, fmt.Errorf("%s: %w", remedy, err)
	}
	return value, nil
}

func parseFloat(text string) (float64, error) { return strconv.ParseFloat(text, 64) }
