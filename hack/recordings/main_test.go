// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestRecordings(t *testing.T) {
	got, err := recordings([]byte(`kind: PrometheusRule
spec:
  groups:
  - name: mixed
    rules:
    - alert: Down
      expr: up == 0
    - record: a:b
      expr: |
        sum(a)
        / sum(b)
  - name: alerts
    rules:
    - alert: Up
      expr: up == 1
`))
	if err != nil {
		t.Fatal(err)
	}
	want := header + `groups:
  - name: mixed
    rules:
      - record: a:b
        expr: |
          sum(a)
          / sum(b)
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := recordings([]byte("spec: [")); err == nil || !strings.Contains(err.Error(), source) {
		t.Errorf("error %v, want one that names %s", err, source)
	}
}
