// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"errors"
	"testing"
)

func TestTypedErrorsUnwrap(t *testing.T) {
	cause := errors.New("cause")
	for _, err := range []error{Stalled("A", cause), Waiting("A", 0, cause)} {
		if !errors.Is(err, cause) || err.Error() != "cause" {
			t.Errorf("%T: %v doesn't unwrap to its cause", err, err)
		}
	}
}
