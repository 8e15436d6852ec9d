// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/conditions"
)

// computeStatus turns what a reconcile has observed into status. It is
// pure: everything comes from the scope, phaseErr is where the reconcile stopped.
func computeStatus(s *scope, phaseErr error) {
	w := conditions.NewWriter(&s.server.Status.Conditions, s.server.Generation, s.now)
	if s.observed == nil {
		setUnobserved(s, w, phaseErr)
		return
	}
	described := rollout.Describe(s.observed)
	s.server.Status.ObservedGeneration = s.server.Generation
	setRevisions(s, described)
	setModelResolved(s, w)
	setAvailable(s, w)
	setRolledBack(s, w, described)
	setRequestRefused(w, described.Refused)
	setScalingActive(s, w)
	setReady(s, w, described, phaseErr)
}

// setUnobserved says that the children couldn't be read or aren't ours. What
// status said of them before still holds as far as is known.
func setUnobserved(s *scope, w conditions.Writer, phaseErr error) {
	var stall *loop.StalledError
	var wait *loop.WaitingError
	switch {
	case errors.As(phaseErr, &stall):
		s.server.Status.ObservedGeneration = s.server.Generation
		w.Stalled(stall.Reason, stall.Error())
	case errors.As(phaseErr, &wait):
		s.server.Status.ObservedGeneration = s.server.Generation
		w.Reconciling(wait.Reason, wait.Error())
	case meta.FindStatusCondition(s.server.Status.Conditions, v1alpha1.ReadyCondition) == nil:
		w.Pending(v1alpha1.PendingReason, fmt.Sprintf("the server's objects can't be read yet: %v", phaseErr))
	}
}

// setRevisions copies the record and what is known of its revisions.
func setRevisions(s *scope, described rollout.Status) {
	status := &s.server.Status
	status.URL = serviceURL(s.server)
	status.Candidate = described.Candidate
	status.Selection = s.selection
	status.Selector = labels.SelectorFromSet(revisionSelector("")).String()
	status.Replicas, status.ReadyReplicas = ptr.To[int32](0), ptr.To[int32](0)
	record := s.record()
	if record == nil {
		return // is recreated from this status
	}
	status.Selector = labels.SelectorFromSet(revisionSelector(record.Live)).String()
	status.Live = liveRevision(s.infoOf(record.Live), status.Live, record.Live, &record.At)
	if status.Live != nil {
		status.Live.BakeRequests = record.Requests
	}
	status.Fallback = liveRevision(s.infoOf(record.Fallback), status.Fallback, record.Fallback, promotedTime(record, record.Fallback))
	status.History = record.History[:min(len(record.History), historyLimit(&s.server.Spec.Rollout))]
	status.Rejected = nil
	for _, rejection := range record.Rejected {
		status.Rejected = append(status.Rejected, rejection.RejectedRevision)
	}
	if live := s.deployments[record.Live]; live != nil {
		status.Replicas, status.ReadyReplicas = ptr.To(live.Status.Replicas), ptr.To(live.Status.ReadyReplicas)
	}
}

// historyLimit is how much of the record's history the status shows.
func historyLimit(spec *v1alpha1.Rollout) int {
	return int(ptr.Deref(spec.RevisionHistoryLimit, 10))
}

// liveRevision describes the revision of this name, from what was resolved for it or, if
// nothing tells, from what status said before.
func liveRevision(info *revisionInfo, before *v1alpha1.LiveRevision, name string, since *metav1.Time) *v1alpha1.LiveRevision {
	if name == "" {
		return nil
	}
	revision := &v1alpha1.LiveRevision{Revision: name}
	switch {
	case info != nil:
		revision.Image, revision.Model, revision.Metrics = info.Image, info.Model, info.Metrics
	case before != nil && before.Revision == name:
		revision = before.DeepCopy()
	}
	revision.Since = nil
	if since != nil && !since.IsZero() {
		revision.Since = since.DeepCopy()
	}
	return revision
}

// promotedTime is when a revision that isn't live any more got the traffic last.
func promotedTime(record *rollout.Record, name string) *metav1.Time {
	for i := range record.History {
		if record.History[i].Revision == name {
			return record.History[i].PromotedTime
		}
	}
	return nil
}

func setModelResolved(s *scope, w conditions.Writer) {
	if s.unresolved != nil {
		w.Set(v1alpha1.ModelResolvedCondition, metav1.ConditionFalse, s.unresolved.Reason, s.unresolved.Message)
		return
	}
	if s.problem.Reason == v1alpha1.SourceUnreachableReason {
		w.Set(v1alpha1.ModelResolvedCondition, metav1.ConditionFalse, s.problem.Reason, s.problem.Message)
		return
	}
	if s.selection != nil {
		reason := v1alpha1.ResolvedReason
		if len(s.selection.PassedOver) > 0 {
			reason = v1alpha1.NewerRunRejectedReason
		}
		w.Set(v1alpha1.ModelResolvedCondition, metav1.ConditionTrue, reason, selectionMessage(s))
		return
	}
	message := s.info.Model.URI
	if run := s.info.Model.TrainingRun; run != "" {
		message += " of TrainingRun " + run
	}
	w.Set(v1alpha1.ModelResolvedCondition, metav1.ConditionTrue, v1alpha1.ResolvedReason, message)
}

func setAvailable(s *scope, w conditions.Writer) {
	record := s.record()
	if record == nil || record.Live == "" {
		w.Set(v1alpha1.AvailableCondition, metav1.ConditionFalse, v1alpha1.NoLiveRevisionReason, "no revision has passed its smoke test yet")
		return
	}
	var available int32
	if live := s.observed.Revisions[record.Live]; live != nil && !live.Deleting {
		available = live.Available
	}
	message := fmt.Sprintf("%d of %d replicas of revision %s are available", available, s.observed.Desired, record.Live)
	if live := s.deployments[record.Live]; live != nil && available < s.observed.Desired {
		if problem := findReplicaProblem(live); problem.Message != "" {
			message += "; " + problem.Message
		}
	}
	if rollout.Enough(available, s.observed.Expected()) {
		w.Set(v1alpha1.AvailableCondition, metav1.ConditionTrue, v1alpha1.MinimumReplicasAvailableReason, message)
		return
	}
	w.Set(v1alpha1.AvailableCondition, metav1.ConditionFalse, v1alpha1.MinimumReplicasUnavailableReason, message)
}

func setRolledBack(s *scope, w conditions.Writer, described rollout.Status) {
	rejection := described.RolledBack
	if rejection == nil {
		w.Remove(v1alpha1.RolledBackCondition)
		return
	}
	w.Set(v1alpha1.RolledBackCondition, metav1.ConditionTrue, rejection.Reason,
		fmt.Sprintf("the spec asks for revision %s, but revision %s is live: %s", rejection.Revision, s.record().Live, rejection.Message))
}

// setRequestRefused says what an annotation asks for in vain.
func setRequestRefused(w conditions.Writer, refused *rollout.Refusal) {
	if refused == nil {
		w.Remove(v1alpha1.RequestRefusedCondition)
		return
	}
	w.Set(v1alpha1.RequestRefusedCondition, metav1.ConditionTrue, refused.Reason, refused.Message)
}

// servingHints tell what the spec asks for besides and the cluster doesn't do: models are
// served all the same.
func servingHints(s *scope) []string {
	var hints []string
	if record := s.record(); record != nil {
		if info := s.infoOf(record.Live); info != nil && info.Samples == nil {
			hints = append(hints, unjudged(s))
		}
		if record.Requests != nil && *record.Requests == 0 {
			hints = append(hints, "no request of a user came during its bake")
		}
		if s.info != nil && s.observed.Target != nil && s.observed.Target.Name == record.Live {
			hints = append(hints, chanceHints(&s.server.Spec, s.info)...)
		}
	}
	if s.selection != nil && s.selection.TrainingRun != "" && len(s.selection.PassedOver) > 0 {
		hints = append(hints, passedOverMessage(s.selection.PassedOver[0]))
	}
	if c := meta.FindStatusCondition(s.server.Status.Conditions, v1alpha1.ScalingActiveCondition); c != nil && c.Status == metav1.ConditionFalse {
		hints = append(hints, c.Message)
	}
	if service := s.service; service != nil && service.Spec.Type == corev1.ServiceTypeLoadBalancer && len(service.Status.LoadBalancer.Ingress) == 0 {
		hints = append(hints, fmt.Sprintf("Service %s has no address outside the cluster yet: it needs something that provides load balancers, or spec.service.type NodePort or ClusterIP", service.Name))
	}
	return hints
}

// unjudged says what the smoke test of a model that came without samples couldn't tell.
func unjudged(s *scope) string {
	if s.server.Spec.Smoke.Samples != nil {
		return "integrity could not be judged, because the model came without recorded answers; spec.smoke.samples judge its quality"
	}
	return "integrity could not be judged, because the model came without recorded answers: set spec.smoke.samples to have its quality judged by pictures of your own"
}

// setReady writes Ready, Reconciling and Stalled.
func setReady(s *scope, w conditions.Writer, described rollout.Status, phaseErr error) {
	var stall *loop.StalledError
	var wait *loop.WaitingError
	reason, message := described.Reason, described.Message
	switch {
	case errors.As(phaseErr, &stall):
		w.Stalled(stall.Reason, stall.Error())
		return
	case errors.As(phaseErr, &wait):
		w.Reconciling(wait.Reason, wait.Error())
		return
	case phaseErr != nil && !loop.IsOutdated(phaseErr) && described.Outcome == rollout.Reconciling:
		message += fmt.Sprintf("; %v", phaseErr)
	}
	switch described.Outcome {
	case rollout.Serving:
		w.Ready(reason, strings.Join(append([]string{message}, servingHints(s)...), "; "))
	case rollout.Stalled:
		w.Stalled(reason, message)
	default:
		if t := s.observed.Target; t != nil && t.GateOpen != "" && described.Candidate != nil && described.Candidate.Revision == t.Name {
			message += "; " + t.GateOpen
		}
		if s.problem.Message != "" {
			message += "; " + s.problem.Message
		}
		if s.problem.Reason != "" {
			reason = s.problem.Reason
		}
		if s.problem.Unread {
			reason, message = explainedBefore(s.server.Status.Conditions, reason, message)
		}
		if reason == v1alpha1.PendingReason {
			w.Pending(reason, message)
			return
		}
		w.Reconciling(reason, message)
	}
}

// explainedBefore returns Ready's reason and message if they explain what these say, else these.
func explainedBefore(before []metav1.Condition, reason, message string) (string, string) {
	ready := meta.FindStatusCondition(before, v1alpha1.ReadyCondition)
	if ready == nil || !strings.HasPrefix(ready.Message, message+"; ") ||
		ready.Reason != reason && !podstate.IsOfVolume(ready.Reason) {
		return reason, message
	}
	return ready.Reason, ready.Message
}
