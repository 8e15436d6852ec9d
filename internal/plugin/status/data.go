// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package status is the verb that shows how a ModelServer or a TrainingRun stands. It gathers everything with its events
// into one struct and then formats it.
package status

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// Data is everything that was gathered. Its JSON is what -o json prints.
type Data struct {
	Servers []Server `json:"servers,omitempty"`
	Runs    []Run    `json:"runs,omitempty"`
}

// Server is a ModelServer and what belongs to it.
type Server struct {
	Object     *v1alpha1.ModelServer `json:"object"`
	Pods       []Pod                 `json:"pods,omitempty"`
	Autoscaler *Autoscaler           `json:"autoscaler,omitempty"`
	Endpoints  []Endpoint            `json:"endpoints,omitempty"`
	Events     []Event               `json:"events,omitempty"`
	// Unread is what couldn't be read, and why.
	Unread []string `json:"unread,omitempty"`
}

// Run is a TrainingRun and what belongs to it.
type Run struct {
	Object *v1alpha1.TrainingRun `json:"object"`
	Pods   []Pod                 `json:"pods,omitempty"`
	// ServedBy are the ModelServers that have the run's model.
	ServedBy []string `json:"servedBy,omitempty"`
	Events   []Event  `json:"events,omitempty"`
	Unread   []string `json:"unread,omitempty"`
}

// Pod is a pod in a few words.
type Pod struct {
	Name string `json:"name"`
	// Component is server, smoke or runner.
	Component string      `json:"component,omitempty"`
	Revision  string      `json:"revision,omitempty"`
	Status    string      `json:"status"`
	Ready     bool        `json:"ready"`
	Restarts  int32       `json:"restarts"`
	Node      string      `json:"node,omitempty"`
	Created   metav1.Time `json:"created"`
	// Problem is what keeps it from running.
	Problem string `json:"problem,omitempty"`
}

// Autoscaler is a HorizontalPodAutoscaler in a few words.
type Autoscaler struct {
	Min     int32    `json:"min"`
	Max     int32    `json:"max"`
	Current int32    `json:"current"`
	Desired int32    `json:"desired"`
	Metrics []string `json:"metrics,omitempty"`
}

// Endpoint is an address behind the Service.
type Endpoint struct {
	Address string `json:"address"`
	Pod     string `json:"pod,omitempty"`
	Ready   bool   `json:"ready"`
}

// Event is an event of the object, or of a pod of it that doesn't run.
type Event struct {
	Object  string      `json:"object"`
	Type    string      `json:"type"`
	Reason  string      `json:"reason"`
	Message string      `json:"message"`
	Count   int32       `json:"count"`
	Last    metav1.Time `json:"last"`
}

// podOf says a pod in a few words.
func podOf(pod *corev1.Pod) Pod {
	p := Pod{
		Name: pod.Name, Component: pod.Labels[v1alpha1.ComponentLabel], Revision: pod.Labels[v1alpha1.RevisionLabel],
		Status: string(pod.Status.Phase), Node: pod.Spec.NodeName, Created: pod.CreationTimestamp,
		Problem: podstate.FindProblem(pod).Message,
	}
	for _, container := range pod.Status.ContainerStatuses {
		p.Restarts += container.RestartCount
		if waiting := container.State.Waiting; waiting != nil && waiting.Reason != "" {
			p.Status = waiting.Reason
		}
		if ended := container.State.Terminated; ended != nil && ended.ExitCode != 0 && ended.Reason != "" {
			p.Status = ended.Reason
		}
	}
	if c := podstate.FindCondition(pod, corev1.PodReady); c != nil {
		p.Ready = c.Status == corev1.ConditionTrue
	}
	if pod.DeletionTimestamp != nil {
		p.Status = "Terminating"
	}
	return p
}

// readiness is the condition Ready and what a person makes of it.
type readiness struct {
	reason, message       string
	ready, stalled, waits bool
}

// readinessOf reads conditions, which follow kstatus. One about an earlier generation says nothing of this one.
func readinessOf(conditions []metav1.Condition, observed, generation int64) readiness {
	c := meta.FindStatusCondition(conditions, v1alpha1.ReadyCondition)
	if c == nil || observed != generation {
		return readiness{reason: v1alpha1.PendingReason, message: "Trainyard hasn't read the spec yet"}
	}
	return readiness{
		reason: c.Reason, message: c.Message,
		ready:   c.Status == metav1.ConditionTrue,
		stalled: meta.IsStatusConditionTrue(conditions, v1alpha1.StalledCondition),
		waits: slices.Contains([]string{v1alpha1.PausedReason, v1alpha1.AwaitingPromotionReason, v1alpha1.SuspendedReason},
			c.Reason),
	}
}

func (s *Server) readiness() readiness {
	return readinessOf(s.Object.Status.Conditions, s.Object.Status.ObservedGeneration, s.Object.Generation)
}

func (r *Run) readiness() readiness {
	return readinessOf(r.Object.Status.Conditions, r.Object.Status.ObservedGeneration, r.Object.Generation)
}

// sorted orders events by time and pods by name, so that what is shown only changes with what there is.
func sorted(pods []Pod, events []Event) ([]Pod, []Event) {
	slices.SortFunc(pods, func(a, b Pod) int {
		return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.Name, b.Name))
	})
	slices.SortStableFunc(events, func(a, b Event) int { return a.Last.Compare(b.Last.Time) })
	return pods, events
}

// eventLimit is how many of the newest events are shown.
const eventLimit = 10

// newest keeps the last events.
func newest(events []Event) []Event { return events[max(0, len(events)-eventLimit):] }

// eventTime is when an event was last seen, whichever way its writer says it.
func eventTime(event *corev1.Event) metav1.Time {
	var latest time.Time
	times := []time.Time{event.FirstTimestamp.Time, event.LastTimestamp.Time, event.EventTime.Time}
	if event.Series != nil {
		times = append(times, event.Series.LastObservedTime.Time)
	}
	for _, t := range times {
		if t.After(latest) {
			latest = t
		}
	}
	return metav1.NewTime(latest)
}

func eventOf(event *corev1.Event) Event {
	count := event.Count
	if event.Series != nil {
		count = event.Series.Count
	}
	return Event{
		Object: event.InvolvedObject.Kind + " " + event.InvolvedObject.Name, Type: event.Type,
		Reason: event.Reason, Message: event.Message, Count: max(1, count), Last: eventTime(event),
	}
}
