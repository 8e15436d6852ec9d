// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// endedRuns is how many runs have been counted that failed for want of memory.
func endedRuns(t *testing.T) (count float64) {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "trainyard_trainingruns_ended_total" {
			continue
		}
		for _, metric := range family.Metric {
			if metric.Label[0].GetValue() == v1alpha1.FailedCondition && metric.Label[1].GetValue() == v1alpha1.OOMKilledReason {
				count += metric.GetCounter().GetValue()
			}
		}
	}
	return count
}

// A run is counted by the pass in which it ends, and by no other.
func TestCountEnd(t *testing.T) {
	failed := metav1.Condition{Type: v1alpha1.FailedCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.OOMKilledReason}
	cases := map[string]struct {
		over       bool
		conditions []metav1.Condition
		want       float64
	}{
		"it goes on":      {},
		"it ends":         {conditions: []metav1.Condition{failed}, want: 1},
		"it ended before": {over: true, conditions: []metav1.Condition{failed}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := endedRuns(t)
			s := &scope{run: &v1alpha1.TrainingRun{}, over: tc.over}
			s.run.Status.Conditions = tc.conditions
			countEnd(s)
			if got := endedRuns(t) - before; got != tc.want {
				t.Errorf("counted %v, want %v", got, tc.want)
			}
		})
	}
}
