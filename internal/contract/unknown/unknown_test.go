// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package unknown

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type base struct {
	Name string `json:"name"`
}

type item struct {
	base
	Parts []base `json:"parts,omitempty"`
}

// opaque decodes itself.
type opaque struct{ raw string }

func (o *opaque) UnmarshalJSON(data []byte) error {
	o.raw = string(data)
	return nil
}

func (o opaque) MarshalJSON() ([]byte, error) { return []byte(o.raw), nil }

type document struct {
	Count    int               `json:"count"`
	Done     bool              `json:"done,omitempty"`
	Model    *item             `json:"model,omitempty"`
	Items    []item            `json:"items,omitempty"`
	Refs     []*base           `json:"refs,omitempty"`
	Opaque   *opaque           `json:"opaque,omitempty"`
	Words    []string          `json:"words,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Hidden   string            `json:"-"`
	Untagged string
}

func TestRoundTrip(t *testing.T) {
	cases := map[string]struct {
		in     string
		change func(*document)
		want   string
	}{
		"nothing unknown": {
			in:   `{"count":1,"items":[{"name":"a"}],"Untagged":"x"}`,
			want: `{"count":1,"items":[{"name":"a"}],"Untagged":"x"}`,
		},
		"at the top": {
			in:   `{"count":1,"weight":2.50,"why":{"a":[1]},"Untagged":""}`,
			want: `{"Untagged":"","count":1,"weight":2.50,"why":{"a":[1]}}`,
		},
		"within an object": {
			in:   `{"count":1,"model":{"name":"a","new":true},"Untagged":""}`,
			want: `{"Untagged":"","count":1,"model":{"name":"a","new":true}}`,
		},
		"within an object that is gone": {
			in:     `{"count":1,"model":{"name":"a","new":true},"Untagged":""}`,
			change: func(d *document) { d.Model = nil },
			want:   `{"Untagged":"","count":1}`,
		},
		"within elements, the lists of elements too": {
			in:   `{"count":1,"items":[{"name":"a"},{"name":"<b>","parts":[{"name":"p","size":3}],"new":1}],"refs":[{"name":"r","new":2}],"Untagged":""}`,
			want: `{"Untagged":"","count":1,"items":[{"name":"a"},{"name":"\u003cb\u003e","new":1,"parts":[{"name":"p","size":3}]}],"refs":[{"name":"r","new":2}]}`,
		},
		"an element moves, another goes": {
			in:     `{"count":1,"items":[{"name":"a","new":1},{"name":"b","new":2}],"Untagged":""}`,
			change: func(d *document) { d.Items = []item{{base: base{"c"}}, d.Items[1]} },
			want:   `{"Untagged":"","count":1,"items":[{"name":"c"},{"name":"b","new":2}]}`,
		},
		"a known field that became zero stays away": {
			in:     `{"count":1,"done":true,"new":1,"Untagged":""}`,
			change: func(d *document) { d.Done = false },
			want:   `{"Untagged":"","count":1,"new":1}`,
		},
		"a known field in another case": {
			in:   `{"COUNT":1,"new":1,"Untagged":""}`,
			want: `{"Untagged":"","count":1,"new":1}`,
		},
		"what decodes itself, maps and words": {
			in:   `{"count":1,"opaque":{"new":1},"words":["w"],"labels":{"k":"v"},"new":1,"Untagged":""}`,
			want: `{"Untagged":"","count":1,"labels":{"k":"v"},"new":1,"opaque":{"new":1},"words":["w"]}`,
		},
		"null": {
			in:   `{"count":1,"model":null,"items":null,"new":null,"Untagged":""}`,
			want: `{"Untagged":"","count":1,"new":null}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var d document
			if err := json.Unmarshal([]byte(tc.in), &d); err != nil {
				t.Fatal(err)
			}
			fields, err := Of([]byte(tc.in), &d)
			if err != nil {
				t.Fatal(err)
			}
			if tc.change != nil {
				tc.change(&d)
			}
			got, err := Encode(d, fields)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("encoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOfRefusesWhatIsNoObject(t *testing.T) {
	for _, in := range []string{`[1]`, `{`, `{"items":{}}`} {
		if fields, err := Of([]byte(in), document{}); err == nil {
			t.Errorf("Of(%s) = %v, want an error", in, fields)
		}
	}
}
