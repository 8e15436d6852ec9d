// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"slices"
	"testing"
)

func TestFastest(t *testing.T) {
	first, second, third := &Set{Name: "first"}, &Set{Name: "second"}, &Set{Name: "third"}
	for name, tc := range map[string]struct {
		times []float64
		want  *Set
	}{
		"all the same":         {[]float64{1, 1, 1}, first},
		"hardly faster":        {[]float64{1, 1, 0.85}, first},
		"twice as fast":        {[]float64{1, 1, 0.5}, third},
		"the fastest of two":   {[]float64{1, 0.5, 0.4}, third},
		"the first is fastest": {[]float64{1, 2, 3}, first},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fastest([]*Set{first, second, third}, tc.times); got != tc.want {
				t.Errorf("%s is chosen, want %s", got.Name, tc.want.Name)
			}
		})
	}
}

// The set that this CPU runs fastest is one that it can run, and assembly where there is any.
func TestFastestOfThisCPU(t *testing.T) {
	names := Names()
	if got := Fastest().Name; !slices.Contains(names, got) || got == "portable" && len(names) > 1 {
		t.Errorf("%s is chosen of %v", got, names)
	}
	var supported []*Set
	for _, name := range names {
		set, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		supported = append(supported, set)
	}
	for i, took := range productTimes(supported) {
		t.Logf("%s: %.3g s an operation", names[i], took)
		if took <= 0 {
			t.Errorf("%s takes %g s", names[i], took)
		}
	}
}
