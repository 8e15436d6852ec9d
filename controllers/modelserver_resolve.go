// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/rollout"
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
		return unresolved(v1alpha1.TrainingRunFailedReason, true, "TrainingRun %s has failed: name another in spec.model.trainingRunRef, or create it again", name)
	case !meta.IsStatusConditionTrue(conditions, v1alpha1.CompleteCondition):
		return unresolved(v1alpha1.TrainingRunNotCompleteReason, false, "TrainingRun %s is not Complete yet", name)
	}
	model := run.Status.Model
	if model == nil {
		return unresolved(v1alpha1.ArtifactMissingReason, true, "TrainingRun %s is Complete but its status names no model", name)
	}
	if _, _, err := parsePVCURI(model.URI); err != nil {
		return unresolved(v1alpha1.ArtifactMissingReason, true, "the model of TrainingRun %s can't be served: %v", name, err)
	}
	if samples := model.Samples; samples != nil {
		if _, _, err := parsePVCURI(samples.URI); err != nil {
			return unresolved(v1alpha1.ArtifactMissingReason, true, "the samples of TrainingRun %s can't be used: %v", name, err)
		}
	}
	return &revisionInfo{
		Model:   v1alpha1.RevisionModel{URI: model.URI, SHA256: model.SHA256, TrainingRun: run.Name},
		Samples: model.Samples.DeepCopy(),
		Metrics: append([]v1alpha1.Metric(nil), run.Status.Metrics...),
	}, nil
}
