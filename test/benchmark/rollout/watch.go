// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// timeline is when the steps of a rollout were seen.
type timeline struct {
	revision string
	// What the controller does on its own, and what it waits for in between.
	applied, created, available, tested, passed, switched time.Time
}

// promoted is how long the revision took to get the traffic.
func (t *timeline) promoted() float64 { return t.switched.Sub(t.applied).Seconds() }

// waited is the controller's own part of that: between what it waits for and what it then does.
func (t *timeline) waited() float64 {
	return (t.created.Sub(t.applied) + t.tested.Sub(t.available) + t.switched.Sub(t.passed)).Seconds()
}

// rollOut applies something and watches until a new revision has the traffic.
func (b *bench) rollOut(ctx context.Context, apply func(context.Context) error) (*timeline, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	known := map[string]bool{}
	var deployments appsv1.DeploymentList
	if err := b.client.List(ctx, &deployments, client.InNamespace(b.namespace)); err != nil {
		return nil, err
	}
	for _, deployment := range deployments.Items {
		known[deployment.Name] = true
	}
	events, err := b.watch(ctx, &deployments, &batchv1.JobList{}, &corev1.PodList{}, &corev1.ServiceList{})
	if err != nil {
		return nil, err
	}
	t := &timeline{applied: time.Now()}
	if err := apply(ctx); err != nil {
		return nil, err
	}
	for t.switched.IsZero() {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("revision %q didn't get the traffic: %+v", t.revision, t)
		case event := <-events:
			t.note(event, known)
		}
	}
	return t, nil
}

// watch returns what happens in the namespace to objects of some kinds, from what it lists of them on, until ctx ends.
func (b *bench) watch(ctx context.Context, lists ...client.ObjectList) (<-chan watch.Event, error) {
	events := make(chan watch.Event)
	for _, list := range lists {
		if err := b.client.List(ctx, list, client.InNamespace(b.namespace)); err != nil {
			return nil, err
		}
		w, err := b.client.Watch(ctx, list, client.InNamespace(b.namespace))
		if err != nil {
			return nil, err
		}
		go func() {
			defer w.Stop()
			for event := range w.ResultChan() {
				select {
				case events <- event:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	return events, nil
}

// wayBack is when the steps were seen by which a revision lost the traffic and was removed.
type wayBack struct {
	switched, followed, stopping time.Time
	// led says that the Service's endpoints had a pod of the revision among them.
	led bool
}

// watchBack watches until a revision's pods are gone.
func (b *bench) watchBack(ctx context.Context, revision string) (*wayBack, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	events, err := b.watch(ctx, &corev1.PodList{}, &corev1.ServiceList{}, &discoveryv1.EndpointSliceList{})
	if err != nil {
		return nil, err
	}
	back := &wayBack{}
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("revision %s didn't go: %+v", revision, back)
		case event := <-events:
			if back.note(event, revision) {
				return back, nil
			}
		}
	}
}

// note notes the step that an event shows, and tells whether it is the last: a pod of the revision is gone.
func (w *wayBack) note(event watch.Event, revision string) (gone bool) {
	now := time.Now()
	switch o := event.Object.(type) {
	case *corev1.Service:
		if w.switched.IsZero() && o.Name == serverName && o.Spec.Selector[v1alpha1.RevisionLabel] != revision {
			w.switched = now
		}
	case *discoveryv1.EndpointSlice:
		leads := leadsTo(o, revision)
		if w.followed.IsZero() && w.led && !leads {
			w.followed = now
		}
		w.led = w.led || leads
	case *corev1.Pod:
		if o.Labels[v1alpha1.RevisionLabel] != revision {
			return false
		}
		if w.stopping.IsZero() && o.DeletionTimestamp != nil {
			w.stopping = now
		}
		return event.Type == watch.Deleted
	}
	return false
}

// leadsTo tells whether a pod of a revision is among the endpoints.
func leadsTo(slice *discoveryv1.EndpointSlice, revision string) bool {
	return slices.ContainsFunc(slice.Endpoints, func(e discoveryv1.Endpoint) bool {
		return e.TargetRef != nil && strings.HasPrefix(e.TargetRef.Name, revision+"-")
	})
}

// note notes the step that an event shows, when it is seen first.
func (t *timeline) note(event watch.Event, known map[string]bool) {
	now := time.Now()
	first := func(at *time.Time, when bool) {
		if when && at.IsZero() {
			*at = now
		}
	}
	switch o := event.Object.(type) {
	case *appsv1.Deployment:
		if !known[o.Name] && t.revision == "" {
			t.revision, t.created = o.Name, now
		}
		first(&t.available, o.Name == t.revision && o.Status.AvailableReplicas == *o.Spec.Replicas)
	case *batchv1.Job:
		first(&t.tested, t.revision != "" && strings.HasPrefix(o.Name, t.revision+"-s-"))
	case *corev1.Pod:
		first(&t.passed, t.revision != "" && strings.HasPrefix(o.Name, t.revision+"-s-") && ended(o))
	case *corev1.Service:
		first(&t.switched, t.revision != "" && o.Spec.Selector[v1alpha1.RevisionLabel] == t.revision)
	}
}

// ended tells whether a pod's container has ended.
func ended(pod *corev1.Pod) bool {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Terminated != nil {
			return true
		}
	}
	return false
}

// until asks again and again until something is true.
func (b *bench) until(ctx context.Context, what string, is func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		done, err := is(ctx)
		if done {
			return err
		}
		last = err
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s until %s: %w, last error %v", patience, what, ctx.Err(), last) //nolint:errorlint // one cause is enough
		case <-time.After(100 * time.Millisecond):
		}
	}
}
