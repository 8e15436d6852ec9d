// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classnames_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/classnames"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		text string
		want []string
		says string
	}{
		"lines":               {text: "cat\ndog\n", want: []string{"cat", "dog"}},
		"Windows' lines":      {text: "\ufeffcat\r\ndog \r\n\r\n", want: []string{"cat", "dog"}},
		"list":                {text: `["cat", "dog"]`, want: []string{"cat", "dog"}},
		"by index":            {text: `{"1": "dog", "0": "cat"}`, want: []string{"cat", "dog"}},
		"by name":             {text: `{"dog": 1, "cat": 0}`, want: []string{"cat", "dog"}},
		"ImageNet's index":    {text: `{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}`, want: []string{"tench", "goldfish"}},
		"twice, as ImageNet":  {text: "crane\ndog\ncrane\n", want: []string{"crane", "dog", "crane (2)"}},
		"empty":               {text: " \n", says: "is empty"},
		"one":                 {text: "cat\n", says: "has 1 names"},
		"a line left out":     {text: "cat\n\ndog\n", says: "name 1 has 0 bytes"},
		"an index left out":   {text: `{"0": "cat", "2": "dog"}`, says: "from 0 to 1"},
		"an index below 0":    {text: `{"0": "cat", "-1": "dog"}`, says: "from 0 to 1"},
		"an index twice":      {text: `{"0": "cat", "00": "dog"}`, says: "from 0 to 1"},
		"names of names":      {text: `{"cat": "dog", "dog": "cat"}`, says: "is no index"},
		"numbers":             {text: `[1, 2]`, says: "item 0: must be a name"},
		"broken list":         {text: `["cat",`, says: "is no JSON list"},
		"twice, and numbered": {text: "a\na (2)\na\n", says: `"a (2)", is there twice`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := classnames.Parse([]byte(tc.text))
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("Parse() = %v, %v, want an error that says %q", got, err, tc.says)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("Parse() error = %v (-want +got):\n%s", err, diff)
			}
		})
	}
}
