// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

func TestChance(t *testing.T) {
	cases := map[string]struct {
		confusion [][]int
		want      *contract.Chance
		says      string
	}{
		// P(7 or more of 8 | 0.5) is 0.035, P(8 of 8) 0.004.
		"too few to tell":   {[][]int{{4, 0}, {1, 3}}, &contract.Chance{Class: "cat", Accuracy: 0.5}, `the accuracy, 0.875 on 8 images, is not higher than that of always guessing "cat", 0.5`},
		"all right":         {[][]int{{4, 0}, {0, 4}}, &contract.Chance{Class: "cat", Accuracy: 0.5, Better: true}, ""},
		"worse":             {[][]int{{1, 3}, {2, 2}}, &contract.Chance{Class: "cat", Accuracy: 0.5}, "0.375 on 8 images"},
		"uneven":            {[][]int{{5, 5}, {0, 90}}, &contract.Chance{Class: "dog", Accuracy: 0.9}, `always guessing "dog", 0.9`},
		"uneven and better": {[][]int{{10, 0}, {0, 90}}, &contract.Chance{Class: "dog", Accuracy: 0.9, Better: true}, ""},
		"one class":         {[][]int{{4, 4}, {0, 0}}, nil, ""},
		"no images":         {[][]int{{0, 0}, {0, 0}}, nil, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tally, classes := &Tally{Confusion: tc.confusion}, []string{"cat", "dog"}
			if diff := cmp.Diff(tc.want, tally.Chance(classes)); diff != "" {
				t.Errorf("Chance (-want +got):\n%s", diff)
			}
			got := tally.NoBetterThanChance(classes)
			if (got == "") != (tc.says == "") || !strings.Contains(got, tc.says) {
				t.Errorf("NoBetterThanChance = %q, want it to say %q", got, tc.says)
			}
		})
	}
}
