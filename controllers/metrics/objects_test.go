// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/scrape"
)

// listed answers with these objects and no server, or fails.
type listed struct {
	client.Reader
	runs    []v1alpha1.TrainingRun
	servers []v1alpha1.ModelServer
	err     error
}

func (l *listed) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	switch list := list.(type) {
	case *v1alpha1.TrainingRunList:
		list.Items = l.runs
	case *v1alpha1.ModelServerList:
		list.Items = l.servers
	}
	return l.err
}

// rows returns what a scrape finds: "name label=value ... value".
func rows(t *testing.T, gatherer prometheus.Gatherer) []string {
	t.Helper()
	samples, err := scrape.Registry(gatherer)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, sample := range samples {
		words := []string{strings.TrimPrefix(sample.Name, "trainyard_")}
		for _, label := range slices.Sorted(maps.Keys(sample.Labels)) {
			words = append(words, label+"="+sample.Labels[label])
		}
		rows = append(rows, strings.Join(append(words, fmt.Sprintf("%.0f", sample.Value)), " "))
	}
	slices.Sort(rows)
	return rows
}

func ready(status metav1.ConditionStatus, reason string) []metav1.Condition {
	return []metav1.Condition{{Type: "Complete", Status: "False"}, {Type: "Ready", Status: status, Reason: reason}}
}

func servingPets() v1alpha1.ModelServer {
	var server v1alpha1.ModelServer
	server.Namespace, server.Name = "zoo", "pets"
	server.Status.Conditions = ready("True", "Serving")
	server.Status.Live = &v1alpha1.LiveRevision{Revision: "pets-1", Model: v1alpha1.RevisionModel{TrainingRun: "run-1"}}
	return server
}

func smokingPets() v1alpha1.ModelServer {
	server := servingPets()
	server.Namespace = "farm"
	server.Status.Conditions = ready("False", "Smoking")
	server.Status.Candidate = &v1alpha1.CandidateRevision{Revision: "pets-2", Stage: v1alpha1.CandidateSmoking, StartTime: &metav1.Time{Time: time.Unix(1000, 0)}}
	return server
}

func TestObjectsAreCountedByTheLeader(t *testing.T) {
	run := func(status metav1.ConditionStatus, reason string) v1alpha1.TrainingRun {
		return v1alpha1.TrainingRun{Status: v1alpha1.TrainingRunStatus{Conditions: ready(status, reason)}}
	}
	reader := &listed{
		runs:    []v1alpha1.TrainingRun{{}, run("False", "Training"), run("False", "Training"), run("True", "ModelPublished")},
		servers: []v1alpha1.ModelServer{servingPets(), smokingPets(), {}},
	}
	registry := prometheus.NewRegistry()
	objects := NewObjects(reader, registry)
	if !objects.NeedLeaderElection() {
		t.Error("a manager that doesn't lead counts too")
	}
	if got := rows(t, registry); got != nil {
		t.Errorf("counted before it leads: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan error, 1)
	reg := &waitingRegistry{Registerer: registry, registered: make(chan struct{})}
	objects.registry = reg
	go func() { started <- objects.Start(ctx) }()
	<-reg.registered
	want := []string{
		"modelserver_candidate_info modelserver=pets namespace=farm revision=pets-2 stage=Smoking 1",
		"modelserver_candidate_start_time_seconds modelserver=pets namespace=farm 1000",
		"modelserver_live_info modelserver=pets namespace=farm revision=pets-1 trainingrun=run-1 1",
		"modelserver_live_info modelserver=pets namespace=zoo revision=pets-1 trainingrun=run-1 1",
		"modelserver_ready modelserver=pets namespace=farm reason=Smoking 0",
		"modelserver_ready modelserver=pets namespace=zoo reason=Serving 1",
		"objects kind=ModelServer ready=False reason=Smoking 1",
		"objects kind=ModelServer ready=True reason=Serving 1",
		"objects kind=ModelServer ready=Unknown reason= 1",
		"objects kind=TrainingRun ready=False reason=Training 2",
		"objects kind=TrainingRun ready=True reason=ModelPublished 1",
		"objects kind=TrainingRun ready=Unknown reason= 1",
	}
	if diff := cmp.Diff(want, rows(t, registry)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	reader.runs, reader.servers = nil, nil
	if got := rows(t, registry); got != nil {
		t.Errorf("series of objects that are deleted: %v", got)
	}
	reader.err = errors.New("no cache")
	if _, err := registry.Gather(); err == nil || !strings.Contains(err.Error(), "no cache") {
		t.Errorf("error %v, want one that says why nothing is counted", err)
	}
	cancel()
	if err := <-started; err != nil {
		t.Error(err)
	}
	if got := rows(t, registry); got != nil {
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
