// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// The API server doesn't look at the data of a ControllerRevision, and a quantity such as
// 1e-100000000 computes for minutes while it is decoded.

// holding is what a JSON value of a pod template holds.
type holding int

const (
	holdsMembers    holding = iota // members whose names say what they hold
	holdsQuantities                // a quantity in each member
	holdsQuantity                  // a quantity
	holdsText                      // nothing but text, under names that are anybody's
)

// checkQuantities finds quantities in a document that no validation would have let in,
// where a pod template has quantities, and computes none of them. Members of the same name
// are all looked at, as each is decoded.
func checkQuantities(document []byte) error {
	if !json.Valid(document) { // which bounds its depth too
		return errors.New("it isn't JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	if err := checkValue(decoder, "", holdsMembers); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func checkValue(decoder *json.Decoder, name string, holds holding) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	delimiter, ok := token.(json.Delim)
	if !ok {
		return checkScalar(token, name, holds)
	}
	for decoder.More() {
		member, inner := name, holds
		if delimiter == '{' {
			if token, err = decoder.Token(); err != nil {
				return err
			}
			member = fmt.Sprint(token)
			inner = holds.of(member)
		}
		if err := checkValue(decoder, member, inner); err != nil {
			return err
		}
	}
	_, err = decoder.Token() // that closes it
	return err
}

// of is what the member of this name holds. Names are matched as encoding/json matches them.
func (h holding) of(name string) holding {
	is := func(s string) bool { return strings.EqualFold(name, s) }
	switch {
	case h == holdsQuantities:
		return holdsQuantity
	case h != holdsMembers:
		return h
	case is("labels") || is("annotations"):
		return holdsText
	case is("limits") || is("requests") || is("overhead"):
		return holdsQuantities
	case is("divisor") || is("sizeLimit"):
		return holdsQuantity
	default:
		return holdsMembers
	}
}

func checkScalar(token json.Token, name string, holds holding) error {
	if holds != holdsQuantity || token == nil {
		return nil
	}
	if _, err := v1alpha1.Quantity(fmt.Sprint(token)).Parse(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
