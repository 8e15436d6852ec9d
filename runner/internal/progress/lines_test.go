// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// katibFilter is what Katib's collectors find metrics in a line by, unless an Experiment has a filter of its own.
var katibFilter = regexp.MustCompile(`([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)`)

// collected are the metrics that a collector of Katib finds in a line, which begins with a time.
func collected(t *testing.T, line string) map[string]string {
	t.Helper()
	stamp, _, _ := strings.Cut(line, " ")
	if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil {
		t.Errorf("the line begins with no time: %v", err)
	}
	found := map[string]string{}
	for _, match := range katibFilter.FindAllStringSubmatch(line, -1) {
		found[match[1]] = match[2]
	}
	return found
}

func TestLinesAsKatibReadsThem(t *testing.T) {
	var out bytes.Buffer
	lines := NewLines(&out, func() time.Time { return time.Unix(1000, 5e8) })
	tested := []contract.Metric{{Name: contract.MetricAccuracy, Value: 0.95}, {Name: contract.MetricLoss, Value: 7.53e-7}, {Name: contract.MetricKappa, Value: -0.125}}
	for _, event := range []train.Event{
		started(),
		train.Stepped{Epoch: 1, Done: 3},
		train.EpochEnded{Number: 1, Epochs: 2, Epoch: report.Epoch{TrainLoss: 0.7, TrainAccuracy: 0.5, ValidationLoss: 0.612345678, ValidationAccuracy: 0.625}},
		train.Evaluated{Metrics: tested},
		train.Published{Result: contract.TrainResult{Metrics: tested}},
		train.Published{Result: contract.TrainResult{Metrics: tested}, Before: true},
		train.Ended{},
	} {
		if err := lines.Observe(event); err != nil {
			t.Fatal(err)
		}
	}
	var got []map[string]string
	for line := range strings.Lines(out.String()) {
		got = append(got, collected(t, line))
	}
	model := map[string]string{"accuracy": "0.95", "loss": "7.53e-07", "kappa": "-0.125"}
	want := []map[string]string{
		{"epoch": "1", "trainLoss": "0.7", "trainAccuracy": "0.5", "validationLoss": "0.612346", "validationAccuracy": "0.625"}, model, model,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s\nof:\n%s", diff, &out)
	}
}
