// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPage(t *testing.T) {
	root := t.TempDir()
	for path, source := range map[string]string{
		"internal/contract/serve.go": `package contract; const RequestsMetric = "requests_total"`,
		"controllers/a.go": `package a
var (
	waits = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "waits_seconds", Help: "How long it waits."})
	ended = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ended_total", Help: "Those that " + "have ended."}, []string{"reason", "kind"})
	other = http.NewCounter(prometheus.CounterOpts{Name: "no_metric"})
)`,
		"server/a.go": `package a; var requests = prometheus.NewCounter(prometheus.CounterOpts{Name: contract.RequestsMetric, Help: "Requests."})`,
		"runner/a.go": `package a
var epoch = prometheus.NewDesc("epoch", "The epoch.", []string{"run"}, nil)
var steps = prometheus.NewDesc("steps_total", "Steps.", nil, nil)`,
	} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := page(root)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	want := []string{
		"| `ended_total{reason, kind}` | counter | Those that have ended. |",
		"| `waits_seconds` | histogram | How long it waits. |",
		"| `requests_total` | counter | Requests. |",
		"| `epoch{run}` | gauge | The epoch. |",
		"| `steps_total` | counter | Steps. |",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
