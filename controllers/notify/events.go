// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedeventsv1 "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/conditions"
	"github.com/trainyard-dev/trainyard/internal/patch"
)

// normalReasons are those of conditions that nobody has to act on. Every other reason is
// a warning, whatever condition it stands in.
var normalReasons = map[string]bool{
	v1alpha1.PendingReason:                  true,
	v1alpha1.WaitingForDeletionReason:       true,
	v1alpha1.TrainingReason:                 true,
	v1alpha1.SuspendedReason:                true,
	v1alpha1.RecordedReason:                 true,
	v1alpha1.ResumedReason:                  true,
	v1alpha1.ModelPublishedReason:           true,
	v1alpha1.PrunedReason:                   true,
	v1alpha1.PruningReason:                  true,
	v1alpha1.InUseReason:                    true,
	v1alpha1.ServingReason:                  true,
	v1alpha1.StartingReason:                 true,
	v1alpha1.SmokingReason:                  true,
	v1alpha1.BakingReason:                   true,
	v1alpha1.AwaitingPromotionReason:        true,
	v1alpha1.PausedReason:                   true,
	v1alpha1.AbortedReason:                  true, // by the person who is to know
	v1alpha1.ResolvedReason:                 true,
	v1alpha1.TrainingRunNotFoundReason:      true, // of a run that is applied a moment later, or was cleared away
	v1alpha1.TrainingRunNotCompleteReason:   true,
	v1alpha1.MinimumReplicasAvailableReason: true,
	v1alpha1.NoLiveRevisionReason:           true,
	v1alpha1.MetricsAvailableReason:         true,
	v1alpha1.MetricsPendingReason:           true,
}

// TypeOf is the type of the events with a reason.
func TypeOf(reason string) string {
	if normalReasons[reason] {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}

// refusal returns the message of a condition that says that pods are refused, or nothing.
func refusal(conditions []metav1.Condition) string {
	for _, c := range conditions {
		if podstate.IsRefusal(c.Message) {
			return c.Message
		}
	}
	return ""
}

// QueueTransitions queues an event for each condition that has changed, and one when the
// API server begins to refuse pods: conditions have other reasons then, and the message
// alone would reach nobody who watches events.
func QueueTransitions(helper *patch.Helper, action string, before, after []metav1.Condition) {
	for _, c := range conditions.Transitions(before, after) {
		if TypeOf(c.Reason) == corev1.EventTypeWarning {
			helper.Warning(c.Reason, action, c.Message)
		} else {
			helper.Normal(c.Reason, action, c.Message)
		}
	}
	if message := refusal(after); message != "" && refusal(before) == "" {
		helper.Warning(podstate.FailedCreate, action, message)
	}
}

// NewRecorder returns the recorder of both kinds' events. Unlike the manager's own it
// logs nothing about events of a namespace that is being deleted.
func NewRecorder(mgr ctrl.Manager) (events.EventRecorder, error) {
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
	if loop.IsNamespaceEnding(err) {
		return event, nil
	}
	return created, err
}
