// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedeventsv1 "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/conditions"
	"github.com/trainyard-dev/trainyard/internal/patch"
)

// warningReasons are those of conditions that a person may want to act on, besides
// Stalled ones.
var warningReasons = map[string]bool{
	v1alpha1.ImagePullBackOffReason:  true,
	v1alpha1.UnschedulableReason:     true,
	v1alpha1.VolumeUnavailableReason: true,
	v1alpha1.ResultMissingReason:     true,
	v1alpha1.RollbackBlockedReason:   true,
	v1alpha1.UnavailableReason:       true,
}

// queueTransitions queues an event for each condition that has changed.
func queueTransitions(helper *patch.Helper, action string, before, after []metav1.Condition) {
	stalledReason := ""
	if c := meta.FindStatusCondition(after, v1alpha1.StalledCondition); c != nil {
		stalledReason = c.Reason
	}
	for _, c := range conditions.Transitions(before, after) {
		if c.Reason == stalledReason || warningReasons[c.Reason] {
			helper.Warning(c.Reason, action, c.Message)
		} else {
			helper.Normal(c.Reason, action, c.Message)
		}
	}
}

// newRecorder returns the recorder of both kinds' events. Unlike the manager's own it
// logs nothing about events of a namespace that is being deleted.
func newRecorder(mgr ctrl.Manager) (events.EventRecorder, error) {
	eventsClient, err := typedeventsv1.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("make the client of events: %w", err)
	}
	writer := &eventWriter{events.NewBroadcaster(&eventSink{&events.EventSinkImpl{Interface: eventsClient}})}
	if err := mgr.Add(writer); err != nil {
		return nil, fmt.Errorf("add the writer of events: %w", err)
	}
	return writer.broadcaster.NewRecorder(mgr.GetScheme(), v1alpha1.FieldManager), nil
}

// eventWriter writes the recorded events while the manager runs.
type eventWriter struct{ broadcaster events.EventBroadcaster }

// NeedLeaderElection has it started before the controllers, which record events at once.
func (w *eventWriter) NeedLeaderElection() bool { return false }

// Start writes until ctx is done and what has been recorded is written.
func (w *eventWriter) Start(ctx context.Context) error {
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer w.broadcaster.Shutdown()
	if err := w.broadcaster.StartRecordingToSinkWithContext(writing); err != nil {
		return fmt.Errorf("start writing events: %w", err)
	}
	<-ctx.Done()
	return nil
}

// eventSink stores events, except of namespaces that take none because they are being
// deleted: client-go would log each of those as an error.
type eventSink struct{ events.EventSink }

func (s *eventSink) Create(ctx context.Context, event *eventsv1.Event) (*eventsv1.Event, error) {
	created, err := s.EventSink.Create(ctx, event)
	if isNamespaceEnding(err) {
		return event, nil
	}
	return created, err
}
