// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"fmt"
)

// CoreObject is the JSON of an object of core/v1 whose schema would make up a quarter of a kind's. The API server keeps
// whatever is in it; who uses it decodes it strictly. Its text is kept as it is, so it costs nothing to decode, and of
// one that is too long nothing but that is kept.
//
// +kubebuilder:validation:Type=object
// +kubebuilder:pruning:PreserveUnknownFields
type CoreObject string

// MaxCoreObject is the longest JSON, in bytes.
const MaxCoreObject = 8192

// longCoreObject stands for one that is too long. It is no JSON.
const longCoreObject CoreObject = "too long"

// Bytes returns the JSON. The error is the remedy, as whoever knows the field puts the field before it.
func (o CoreObject) Bytes() ([]byte, error) {
	if o == longCoreObject || len(o) > MaxCoreObject {
		return nil, fmt.Errorf("has more than %d bytes of JSON: shorten it", MaxCoreObject)
	}
	return []byte(o), nil
}

// UnmarshalJSON keeps the text.
func (o *CoreObject) UnmarshalJSON(data []byte) error {
	switch {
	case string(data) == "null":
	case len(data) > MaxCoreObject:
		*o = longCoreObject
	default:
		*o = CoreObject(data)
	}
	return nil
}

// MarshalJSON writes the text. What wasn't kept is written as an empty object, before and after a change, so no patch has it.
func (o CoreObject) MarshalJSON() ([]byte, error) {
	if o == "" || o == longCoreObject {
		return []byte("{}"), nil
	}
	return json.RawMessage(o), nil
}
