// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// gather returns what a scrape finds of the metric of this name: "label=value ... count".
func gather(t *testing.T, gatherer prometheus.Gatherer, name string) []string {
	t.Helper()
	families, err := gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.Metric {
			var words []string
			for _, label := range metric.Label {
				words = append(words, label.GetName()+"="+label.GetValue())
			}
			found = append(found, strings.Join(append(words, fmt.Sprint(metric.GetCounter().GetValue()+metric.GetGauge().GetValue())), " "))
		}
	}
	slices.Sort(found)
	return found
}

func TestDecisionsAreExported(t *testing.T) {
	RunEnded("Complete", "ModelPublished")
	RunEnded("Complete", "ModelPublished")
	RunEnded("Failed", "OOMKilled")
	RolloutDecided("promote")
	cases := map[string][]string{
		"trainyard_trainingruns_ended_total": {"condition=Complete reason=ModelPublished 2", "condition=Failed reason=OOMKilled 1"},
		"trainyard_rollout_decisions_total":  {"rule=promote 1"},
	}
	for name, want := range cases {
		if diff := cmp.Diff(want, gather(t, metrics.Registry, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// listed answers with these runs and no server, or fails.
type listed struct {
	client.Reader
	runs []v1alpha1.TrainingRun
	err  error
}

func (l *listed) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if runs, ok := list.(*v1alpha1.TrainingRunList); ok {
		runs.Items = l.runs
	}
	return l.err
}

func TestObjectsAreCountedByTheLeader(t *testing.T) {
	run := func(status metav1.ConditionStatus, reason string) v1alpha1.TrainingRun {
		var run v1alpha1.TrainingRun
		run.Status.Conditions = []metav1.Condition{{Type: "Complete", Status: "False"}, {Type: "Ready", Status: status, Reason: reason}}
		return run
	}
	reader := &listed{runs: []v1alpha1.TrainingRun{{}, run("False", "Training"), run("False", "Training"), run("True", "ModelPublished")}}
	registry := prometheus.NewRegistry()
	objects := NewObjects(reader, registry)
	if !objects.NeedLeaderElection() {
		t.Error("a manager that doesn't lead counts too")
	}
	if got := gather(t, registry, "trainyard_objects"); got != nil {
		t.Errorf("counted before it leads: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan error, 1)
	reg := &waitingRegistry{Registerer: registry, registered: make(chan struct{})}
	objects.registry = reg
	go func() { started <- objects.Start(ctx) }()
	<-reg.registered
	want := []string{
		"kind=TrainingRun ready=False reason=Training 2",
		"kind=TrainingRun ready=True reason=ModelPublished 1",
		"kind=TrainingRun ready=Unknown reason= 1",
	}
	if diff := cmp.Diff(want, gather(t, registry, "trainyard_objects")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	reader.err = errors.New("no cache")
	if _, err := registry.Gather(); err == nil || !strings.Contains(err.Error(), "no cache") {
		t.Errorf("error %v, want one that says why nothing is counted", err)
	}
	cancel()
	if err := <-started; err != nil {
		t.Error(err)
	}
	if got := gather(t, registry, "trainyard_objects"); got != nil {
		t.Errorf("counted after it has ended: %v", got)
	}
}

// waitingRegistry tells when something is registered.
type waitingRegistry struct {
	prometheus.Registerer
	registered chan struct{}
}

func (r *waitingRegistry) Register(c prometheus.Collector) error {
	err := r.Registerer.Register(c)
	close(r.registered)
	return err
}
