// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestParse(t *testing.T) {
	p := &Parser{}
	if got := Parse(p, "spec.x", v1alpha1.Fraction("0.5")); got != 0.5 || p.Err != nil {
		t.Errorf("Parse() = %v, %v; want 0.5", got, p.Err)
	}
	if got := Parse(p, "spec.x", v1alpha1.GoDuration("")); got != 0 || p.Err != nil {
		t.Errorf("Parse() = %v, %v; want 0 for an empty value", got, p.Err)
	}
	if got := Parse(p, "spec.y", v1alpha1.GoDuration("5d")); got != time.Duration(0) {
		t.Errorf("Parse() = %v, want 0 for what is no duration", got)
	}
	Parse(p, "spec.z", v1alpha1.Amount(strings.Repeat("9", 1000)))
	want := `spec.y is "5d": use a duration, such as 2m, of at most 16 characters`
	if diff := cmp.Diff(want, p.Err.Error()); diff != "" {
		t.Errorf("the first error is kept and names its field (-want +got):\n%s", diff)
	}
}
