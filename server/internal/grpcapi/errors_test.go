// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package grpcapi

import (
	"errors"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

func TestEveryCodeHasAStatus(t *testing.T) {
	for _, code := range serving.Codes {
		if statuses[code] == 0 {
			t.Errorf("code %s has no status: give it one in statuses", code)
		}
	}
	if len(statuses) != len(serving.Codes) {
		t.Errorf("%d statuses of %d codes: some belong to no code", len(statuses), len(serving.Codes))
	}
}

func TestWireError(t *testing.T) {
	err := wireError(&serving.Error{Code: serving.CodeOverloaded, Detail: "full: try again", RetryAfter: 1500 * time.Millisecond})
	var sent *connect.Error
	if !errors.As(err, &sent) || sent.Code() != connect.CodeUnavailable || sent.Message() != "full: try again" {
		t.Fatalf("sent as %v", err)
	}
	if code, pushback := sent.Meta().Get(codeKey), sent.Meta().Get(pushbackKey); code != "overloaded" || pushback != "1500" {
		t.Errorf("code %q, pushback %q", code, pushback)
	}
	if other := errors.New("other"); !errors.Is(wireError(other), other) {
		t.Error("an error that isn't the service's was changed")
	}
}
