// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Objects counts the objects of both kinds by their Ready condition and tells how each
// ModelServer stands, from the cache, when it is asked. Only the leader does, so that a sum
// over managers counts each object once.
type Objects struct {
	reader   client.Reader
	registry prometheus.Registerer
}

// NewObjects returns a collector that reads from a cache and, once it is started, is
// registered.
func NewObjects(reader client.Reader, registry prometheus.Registerer) *Objects {
	return &Objects{reader: reader, registry: registry}
}

var objectsDesc = prometheus.NewDesc("trainyard_objects",
	"Objects by kind and by status and reason of their Ready condition.", []string{"kind", "ready", "reason"}, nil)

// NeedLeaderElection tells the manager that only the leader counts.
func (o *Objects) NeedLeaderElection() bool { return true }

// Start has the objects counted until ctx is done.
func (o *Objects) Start(ctx context.Context) error {
	if err := o.registry.Register(o); err != nil {
		return fmt.Errorf("register the count of objects: %w", err)
	}
	<-ctx.Done()
	o.registry.Unregister(o)
	return nil
}

// Describe is asked by the registry.
func (o *Objects) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{objectsDesc, serverReadyDesc, serverLiveDesc, serverCandidateDesc, serverCandidateStartDesc} {
		descs <- desc
	}
}

// state is what objects are counted by.
type state struct{ kind, ready, reason string }

// Collect is asked by the registry at each scrape.
func (o *Objects) Collect(metrics chan<- prometheus.Metric) {
	runs, servers := &v1alpha1.TrainingRunList{}, &v1alpha1.ModelServerList{}
	for _, list := range []client.ObjectList{runs, servers} {
		if err := o.reader.List(context.Background(), list, client.UnsafeDisableDeepCopy); err != nil {
			metrics <- prometheus.NewInvalidMetric(objectsDesc, fmt.Errorf("list %T: %w", list, err))
			return
		}
	}
	counts := map[state]int{}
	for i := range runs.Items {
		counts[stateOf("TrainingRun", runs.Items[i].Status.Conditions)]++
	}
	for i := range servers.Items {
		counts[stateOf("ModelServer", servers.Items[i].Status.Conditions)]++
		collectServer(metrics, &servers.Items[i])
	}
	for s, n := range counts {
		metrics <- prometheus.MustNewConstMetric(objectsDesc, prometheus.GaugeValue, float64(n), s.kind, s.ready, s.reason)
	}
}

// stateOf is the state of an object with these conditions. One that hasn't been seen by
// a controller yet is Unknown, for no reason.
func stateOf(kind string, conditions []metav1.Condition) state {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ReadyCondition)
	if ready == nil {
		return state{kind: kind, ready: string(metav1.ConditionUnknown)}
	}
	return state{kind: kind, ready: string(ready.Status), reason: ready.Reason}
}
