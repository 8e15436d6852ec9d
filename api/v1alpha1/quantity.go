// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/api/resource"
)

// A resource.Quantity computes while it is decoded, minutes for 1e-100000000, and fails
// for 1e1.5; one such object keeps a whole list from being decoded. So the API keeps the
// text: decoding costs what its length costs, whatever is stored, and only the object
// that holds it fails, where it is used.

// Quantity is a quantity such as 500m or 1Gi.
//
// +kubebuilder:validation:Type=""
// +kubebuilder:validation:XIntOrString
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$`
type Quantity string

// maxQuantity is the longest text of a quantity, as the schema has it.
const maxQuantity = 32

// quantityText is what the schema accepts.
var quantityText = regexp.MustCompile(`^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$`)

// Parse returns the quantity. It fails, without computing, on what the schema refuses:
// an object may be older than the schema's rule. An empty Quantity is 0.
func (q Quantity) Parse() (resource.Quantity, error) {
	if q == "" {
		return resource.Quantity{}, nil
	}
	if len(q) > maxQuantity || !quantityText.MatchString(string(q)) {
		return resource.Quantity{}, fmt.Errorf("%.*q is not a quantity of at most %d characters such as 500m or 1Gi", maxQuantity, string(q), maxQuantity)
	}
	quantity, err := resource.ParseQuantity(string(q))
	if err != nil {
		return resource.Quantity{}, fmt.Errorf("parse quantity %q: %w", string(q), err)
	}
	return quantity, nil
}

// UnmarshalJSON keeps the text of a string or of a number.
func (q *Quantity) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '"' {
		if string(data) != "null" {
			*q = Quantity(data)
		}
		return nil
	}
	return json.Unmarshal(data, (*string)(q))
}

// MarshalJSON writes the canonical form, as resource.Quantity does: revisions are named
// by hashes of it. What can't be parsed is written as it is.
func (q Quantity) MarshalJSON() ([]byte, error) {
	quantity, err := q.Parse()
	if err != nil {
		return json.Marshal(string(q))
	}
	return quantity.MarshalJSON()
}
