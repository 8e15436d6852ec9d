// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/scrape"
)

func registered(t *testing.T) scrape.Samples {
	t.Helper()
	samples, err := scrape.Registry(metrics.Registry)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// happen has each kind of thing happen that is counted or timed.
func happen() {
	RunEnded("Complete", "ModelPublished")
	RunEnded("Complete", "ModelPublished")
	RunEnded("Failed", "OOMKilled")
	RunTook("Complete", time.Minute)
	ReasonGiven("OOMKilled", 3*time.Second)
	ReasonGiven("OOMKilled", -time.Second) // by a clock that is ahead
	ProgressPolled(false)
	ProgressPolled(true)
	RolloutDecided("promote")
	ExpectRollouts("Rejected", "GateNotMet")
	RolloutEnded("Rejected", "SmokeFailed")
	TestTook("smoke", "Failed", 4*time.Second)
	SwitchedBack(2 * time.Second)
}

func TestDecisionsAreExported(t *testing.T) {
	before := registered(t)
	happen()
	after := registered(t)
	for _, tc := range []struct {
		name, labels string
		want         float64
	}{
		{"trainyard_trainingruns_ended_total", "condition=Complete reason=ModelPublished", 2},
		{"trainyard_trainingruns_ended_total", "condition=Failed reason=OOMKilled", 1},
		{"trainyard_trainingruns_ended_total", "condition=Failed reason=GateNotMet", 0},
		{"trainyard_trainingrun_duration_seconds_count", "condition=Complete", 1},
		{"trainyard_trainingrun_duration_seconds_sum", "condition=Complete", 60},
		{"trainyard_trainingrun_duration_seconds_count", "condition=Failed", 0},
		{"trainyard_trainingrun_reason_delay_seconds_count", "reason=OOMKilled", 2},
		{"trainyard_trainingrun_reason_delay_seconds_sum", "reason=OOMKilled", 3},
		{"trainyard_progress_polls_total", "", 2},
		{"trainyard_progress_poll_failures_total", "", 1},
		{"trainyard_rollout_decisions_total", "rule=promote", 1},
		{"trainyard_rollouts_ended_total", "result=Rejected reason=SmokeFailed", 1},
		{"trainyard_rollouts_ended_total", "result=Rejected reason=GateNotMet", 0},
		{"trainyard_rollout_test_duration_seconds_sum", "test=smoke result=Failed", 4},
		{"trainyard_rollout_switch_back_duration_seconds_sum", "", 2},
	} {
		labels := strings.Fields(tc.labels)
		if found := after.Find(tc.name, labels...); len(found) != 1 {
			t.Errorf("%s{%s}: series %v, want one", tc.name, tc.labels, found)
		}
		if got := after.Sum(tc.name, labels...) - before.Sum(tc.name, labels...); got != tc.want {
			t.Errorf("%s{%s} has grown by %v, want %v", tc.name, tc.labels, got, tc.want)
		}
	}
}

// everything returns all that the manager may export, once each kind of thing has happened.
func everything(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	happen()
	writeInEveryWay(t, nil)
	registry := prometheus.NewRegistry()
	registry.MustRegister(NewObjects(&listed{servers: []v1alpha1.ModelServer{servingPets(), smokingPets()}}, registry))
	families, err := prometheus.Gatherers{metrics.Registry, registry}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(families, func(family *dto.MetricFamily) bool { return !strings.HasPrefix(family.GetName(), "trainyard_") })
}

func TestNamesKeepToConventions(t *testing.T) {
	problems, err := promlint.NewWithMetricFamilies(everything(t)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

// documented finds a metric and its labels in docs/reference/metrics.md.
var documented = regexp.MustCompile("(?m)^\\| `(trainyard_[a-z_]+)(?:\\{([a-z_, ]*)\\})?` \\|")

func TestAllAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	manager, _, found := strings.Cut(string(page), "\n## Inference server")
	if !found {
		t.Fatal("docs/reference/metrics.md has no section on the inference server any more")
	}
	want, got := map[string][]string{}, map[string][]string{}
	for _, match := range documented.FindAllStringSubmatch(manager, -1) {
		want[match[1]] = labelNames(strings.Split(match[2], ", "))
	}
	for _, family := range everything(t) {
		var labels []string
		for _, label := range family.Metric[0].Label {
			labels = append(labels, label.GetName())
		}
		got[family.GetName()] = labelNames(labels)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics and their labels (-documented +exported); run make generate:\n%s", diff)
	}
}

func labelNames(labels []string) []string {
	sorted := slices.DeleteFunc(slices.Clone(labels), func(label string) bool { return label == "" })
	slices.Sort(sorted)
	return append([]string{}, sorted...)
}
