// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import "testing"

// What strconv.ParseFloat takes beyond decimals is refused, should the schema ever let it in.
func TestDecimals(t *testing.T) {
	for value, want := range map[string]float64{"": 0, "0": 0, "0.0001": 0.0001, "10": 10, "1.000000": 1} {
		d := &Parser{}
		if got := d.Decimal("spec.x", value); got != want || d.Err != nil {
			t.Errorf("%q is %v, %v; want %v", value, got, d.Err, want)
		}
	}
	for _, value := range []string{"NaN", "Inf", "-inf", "infinity", "1e-3", "0x1p-2", "1_0", "-1", "+1", ".5", "1.", " 1", "1 ", "1,5", "\u0661"} {
		d := &Parser{}
		if got := d.Decimal("spec.x", value); got != 0 || d.Err == nil {
			t.Errorf("%q is %v, want it refused", value, got)
		}
	}
}
