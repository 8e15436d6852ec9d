// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"
	"testing"
	"time"
)

// testParse parses texts that are accepted, and texts that are refused.
func testParse[T comparable](parse func(string) (T, error), accepts map[string]T, refuses []string) func(*testing.T) {
	return func(t *testing.T) {
		accepts[""] = *new(T)
		for text, want := range accepts {
			if got, err := parse(text); got != want || err != nil {
				t.Errorf("%q is %v, %v; want %v", text, got, err, want)
			}
		}
		for _, text := range append(refuses, " ", "x", strings.Repeat("1", 17), "1\n", "\u0661") {
			got, err := parse(text)
			if err == nil {
				t.Errorf("%q is %v, want it refused", text, got)
			} else if got != *new(T) || !strings.HasPrefix(err.Error(), "use a ") {
				t.Errorf("%q is %v, %v; want nothing, and an error that says what to use", text, got, err)
			}
		}
	}
}

// What Go's parsers take beyond the schema's rules is refused, should the schema ever let it in.
func TestParseValues(t *testing.T) {
	noNumbers := []string{"NaN", "Inf", "-inf", "infinity", "1e-3", "0x1p-2", "1_0", "-1", "+1", ".5", "1.", " 1", "1 ", "1,5"}
	t.Run("Decimal", testParse(
		func(text string) (float64, error) { return Decimal(text).Parse() },
		map[string]float64{"0": 0, "0.0001": 0.0001, "10": 10, "1.000000": 1},
		noNumbers,
	))
	t.Run("Fraction", testParse(
		func(text string) (float64, error) { return Fraction(text).Parse() },
		map[string]float64{"0": 0, "0.25": 0.25, "1": 1, "1.00": 1},
		append(noNumbers, "2", "1.01", "10"),
	))
	t.Run("Ratio", testParse(
		func(text string) (float64, error) { return Ratio(text).Parse() },
		map[string]float64{"0.75": 0.75, "3": 3, "10": 10},
		noNumbers,
	))
	t.Run("GoDuration", testParse(
		func(text string) (time.Duration, error) { return GoDuration(text).Parse() },
		map[string]time.Duration{"2ms": 2 * time.Millisecond, "1m30s": 90 * time.Second, "0s": 0, "1.5h": 90 * time.Minute},
		[]string{"5", "5d", "-1s", "+1s", "1us", ".5s", "soon", "0"},
	))
	t.Run("Amount", testParse(
		func(text string) (int64, error) { return Amount(text).Parse() },
		map[string]int64{"50M": 50_000_000, "10Mi": 10 << 20, "1024": 1024, "1.5k": 1500, "1.5": 2},
		[]string{"-1", "+1", "1e3", "1E", "1m", "1Pi", ".5", "ten"},
	))
}
