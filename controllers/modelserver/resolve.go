// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/notify"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// resolveRun finds the model of a TrainingRun, which is nil if there is none of that
// name. Exactly one of the results is set.
func resolveRun(name string, run *v1alpha1.TrainingRun) (*revisionInfo, *rollout.Unresolved) {
	unresolved := func(reason string, stalled bool, format string, args ...any) (*revisionInfo, *rollout.Unresolved) {
		return nil, &rollout.Unresolved{Reason: reason, Stalled: stalled, Message: fmt.Sprintf(format, args...)}
	}
	if run == nil {
		return unresolved(v1alpha1.TrainingRunNotFoundReason, false, "TrainingRun %s doesn't exist in this namespace: create it or name another in spec.model.trainingRunRef", name)
	}
	conditions := run.Status.Conditions
	switch {
	case run.DeletionTimestamp != nil:
		return unresolved(v1alpha1.TrainingRunNotFoundReason, false, "TrainingRun %s is being deleted", name)
	case meta.IsStatusConditionTrue(conditions, v1alpha1.FailedCondition):
		return unresolved(v1alpha1.TrainingRunFailedReason, true, "TrainingRun %s has failed%s; name another in spec.model.trainingRunRef, or recreate it",
			name, because(meta.FindStatusCondition(conditions, v1alpha1.FailedCondition)))
	case !meta.IsStatusConditionTrue(conditions, v1alpha1.CompleteCondition):
		return unresolved(v1alpha1.TrainingRunNotCompleteReason, false, "TrainingRun %s is not Complete yet%s",
			name, because(meta.FindStatusCondition(conditions, v1alpha1.ReadyCondition)))
	}
	model := run.Status.Model
	if model == nil {
		return unresolved(v1alpha1.ArtifactMissingReason, true, "TrainingRun %s is Complete but its status names no model; create another TrainingRun, for spec.model to name or select", name)
	}
	if isGone(run) {
		return unresolved(v1alpha1.ArtifactMissingReason, true, "the model of TrainingRun %s was deleted, or is about to be, because spec.output.retention of that run is over; name another in spec.model.trainingRunRef", name)
	}
	if err := checkURI(model.URI); err != nil {
		return unresolved(v1alpha1.ArtifactMissingReason, true, "the model of TrainingRun %s can't be served: %v; create another TrainingRun, for spec.model to name or select", name, err)
	}
	if samples := model.Samples; samples != nil {
		if err := checkURI(samples.URI); err != nil {
			return unresolved(v1alpha1.ArtifactMissingReason, true, "the samples of TrainingRun %s can't be used: %v; create another TrainingRun, for spec.model to name or select", name, err)
		}
	}
	return &revisionInfo{
		Model:     v1alpha1.RevisionModel{URI: model.URI, SHA256: model.SHA256, TrainingRun: run.Name},
		Samples:   model.Samples.DeepCopy(),
		Metrics:   append([]v1alpha1.Metric(nil), run.Status.Metrics...),
		TestSplit: testSplitOf(run), Completed: metav1.NewTime(completionOf(run)),
		Access: children.OutputAccess(run),
		Chance: model.Chance, ChanceAccuracy: model.ChanceAccuracy,
	}, nil
}

// isGone tells whether what a run has left was deleted, or is about to be.
func isGone(run *v1alpha1.TrainingRun) bool {
	pruned := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.PrunedCondition)
	return pruned != nil && pruned.Reason != v1alpha1.InUseReason
}

// testSplitOf is the digest of the images that a run has measured its model on; empty if it left none.
func testSplitOf(run *v1alpha1.TrainingRun) string {
	if run.Status.Lineage == nil || run.Status.Lineage.Dataset == nil {
		return ""
	}
	return run.Status.Lineage.Dataset.TestSplitDigest
}

// because says why a run is as it is. The message of one that gets on changes with its
// progress, which is the run's to tell.
func because(c *metav1.Condition) string {
	switch {
	case c == nil:
		return ""
	case notify.TypeOf(c.Reason) == corev1.EventTypeNormal && c.Reason != v1alpha1.SuspendedReason:
		return " (" + c.Reason + ")"
	default:
		return fmt.Sprintf(" (%s: %s)", c.Reason, text.Clean(c.Message, rollout.MaxMessage/2))
	}
}

// findServed finds out whether live serves what the spec asks for where its TrainingRun, or
// the ConfigMap with the names of its classes, is gone: the model, and all else that makes
// up a revision, are still those of live.
func (s *scope) findServed() error {
	record := s.record()
	if record == nil || record.Live == "" || s.unresolved == nil {
		return nil
	}
	info := s.infoOf(record.Live)
	if info == nil || info.Model.SHA256 == "" {
		return nil
	}
	model := s.server.Spec.Model
	switch s.unresolved.Reason {
	case v1alpha1.TrainingRunNotFoundReason:
		if selects(&s.server.Spec) && !s.liveStays || !selects(&s.server.Spec) && info.Model.TrainingRun != model.TrainingRunRef.Name {
			return nil
		}
	case v1alpha1.ClassesNotFoundReason:
		if info.Model.SHA256 != model.Source.SHA256 {
			return nil
		}
	case v1alpha1.DefaultsInvalidReason:
		if s.held.Model.SHA256 != info.Model.SHA256 || s.held.Classes != info.Classes {
			return nil
		}
	default:
		return nil
	}
	asked, err := rollout.RevisionName(s.server, info.Model.SHA256, info.Classes)
	if err == nil && asked == record.Live {
		s.observed.Unresolved.Served = asked
	}
	return err
}

// resolveModel finds the model that the spec names. Which one a selector chooses depends on what is live, which is observed later.
func (r *reconciler) resolveModel(ctx context.Context, s *scope) error {
	if selects(&s.server.Spec) {
		return nil
	}
	if source := s.server.Spec.Model.Source; source != nil {
		names, unresolved, err := r.resolveClasses(ctx, s, source)
		if s.unresolved = unresolved; err != nil || unresolved != nil {
			return err
		}
		s.config.reading.Classes = names
		s.info = resolveSource(source)
		s.info.Classes = digestOf(names)
		return nil
	}
	name := s.server.Spec.Model.TrainingRunRef.Name
	run := &v1alpha1.TrainingRun{}
	switch err := r.client.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: name}, run); {
	case apierrors.IsNotFound(err):
		run = nil
	case err != nil:
		return fmt.Errorf("get TrainingRun %s: %w", name, err)
	}
	s.info, s.unresolved = resolveRun(name, run)
	return nil
}
