// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/klog/v2"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
)

// An ending is the status with which a run has ended. Its Job keeps it in an annotation, as a digest, a space and the
// status in JSON: the pods that it was read from may go, and status may be edited.

// TrimEnding leaves of the ending that a Job keeps its digest: the cache needs no more.
func TrimEnding(job *batchv1.Job) {
	if digest, _, whole := strings.Cut(job.Annotations[v1alpha1.EndingAnnotation], " "); whole {
		job.Annotations[v1alpha1.EndingAnnotation] = digest
	}
}

// restoreEnding puts back the status with which the run has ended, if that was changed since, and
// tells whether the run's Job keeps it.
func (r *reconciler) restoreEnding(ctx context.Context, s *scope) (bool, error) {
	kept, _, _ := strings.Cut(s.job.Annotations[v1alpha1.EndingAnnotation], " ")
	if kept == "" {
		return false, nil
	}
	now := encodeEnding(&s.run.Status)
	if digestOf(now) == kept {
		return true, nil
	}
	stored := &batchv1.Job{}
	if same, err := children.Reread(ctx, r.live, s.job, stored); err != nil {
		return false, fmt.Errorf("read how the run ended from Job %s: %w", klog.KObj(s.job), err)
	} else if !same {
		return false, nil
	}
	ending := decodeEnding(stored.Annotations[v1alpha1.EndingAnnotation])
	if ending == nil {
		return false, nil
	}
	if encodeEnding(ending) != now { // the same of a version that knows more fields has another digest
		s.run.Status = *ending
		s.restored = fmt.Sprintf("the status was edited after the run had ended; restored it from Job %s", s.job.Name)
	}
	return true, nil
}

// keepEnding has the run's Job keep the status with which the run has ended. It does so once the
// cache shows that status: one that isn't there yet would pass for edited.
func (r *reconciler) keepEnding(ctx context.Context, s *scope) error {
	if !s.over || s.kept || s.expired || s.job == nil || s.job.DeletionTimestamp != nil {
		return nil
	}
	document := encodeEnding(&s.run.Status)
	keeping := s.job.DeepCopy()
	if keeping.Annotations == nil {
		keeping.Annotations = map[string]string{}
	}
	keeping.Annotations[v1alpha1.EndingAnnotation] = digestOf(document) + " " + document
	if err := children.Patch(ctx, r.client, s.job, keeping); err != nil {
		return fmt.Errorf("keep how the run ended on Job %s: %w", klog.KObj(s.job), err)
	}
	return nil
}

// encodeEnding returns a status in JSON, without what changes after the end of a run: the generation
// that it holds for, what it says of spec.suspend, and what becomes of what the run has left.
func encodeEnding(status *v1alpha1.TrainingRunStatus) string {
	ending := status.DeepCopy()
	ending.ObservedGeneration = 0
	meta.RemoveStatusCondition(&ending.Conditions, v1alpha1.SuspendedCondition)
	meta.RemoveStatusCondition(&ending.Conditions, v1alpha1.PrunedCondition)
	for i := range ending.Conditions {
		ending.Conditions[i].ObservedGeneration = 0
	}
	document, _ := json.Marshal(ending) // no field of a status can fail to be encoded
	return string(document)
}

// decodeEnding returns the ending that an annotation holds, or nil if it holds none that is whole.
func decodeEnding(annotation string) *v1alpha1.TrainingRunStatus {
	digest, document, _ := strings.Cut(annotation, " ")
	ending := &v1alpha1.TrainingRunStatus{}
	if digest != digestOf(document) || json.Unmarshal([]byte(document), ending) != nil || !isEnded(ending) {
		return nil
	}
	return ending
}

func digestOf(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}
