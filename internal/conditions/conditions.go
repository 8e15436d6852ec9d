// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package conditions writes the status conditions of Trainyard's kinds the way
// kstatus reads them: Ready is always there; Reconciling and Stalled are absent
// unless True and never both True, and one of them is True whenever Ready is not.
//
// Everything here is pure: no client and no clock of its own.
package conditions

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// MaxMessage is the longest message of a condition, in bytes. The API allows 32 kB;
// messages come from elsewhere (the scheduler, a registry, a container), and a
// status is no place for all of that.
const MaxMessage = 1024

// Writer sets the conditions of one object. The zero value is of no use.
type Writer struct {
	conditions *[]metav1.Condition
	generation int64
	now        metav1.Time
}

// NewWriter returns a Writer of the conditions behind the pointer. It stamps them
// with generation, and those whose status changes with now.
func NewWriter(conditions *[]metav1.Condition, generation int64, now time.Time) Writer {
	return Writer{conditions: conditions, generation: generation, now: metav1.NewTime(now)}
}

// Set writes one condition.
func (w Writer) Set(conditionType string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(w.conditions, metav1.Condition{
		Type:               conditionType,
		Status:             status,
		ObservedGeneration: w.generation,
		LastTransitionTime: w.now,
		Reason:             reason,
		Message:            text.Clean(message, MaxMessage),
	})
}

// Remove takes a condition away.
func (w Writer) Remove(conditionType string) {
	meta.RemoveStatusCondition(w.conditions, conditionType)
}

// Ready says that the object is as its spec asks.
func (w Writer) Ready(reason, message string) {
	w.Set(v1alpha1.ReadyCondition, metav1.ConditionTrue, reason, message)
	w.Remove(v1alpha1.ReconcilingCondition)
	w.Remove(v1alpha1.StalledCondition)
}

// Pending says that nothing has been seen of the object yet.
func (w Writer) Pending(reason, message string) {
	w.reconciling(metav1.ConditionUnknown, reason, message)
}

// Reconciling says that the object is on its way, or heals by itself.
func (w Writer) Reconciling(reason, message string) {
	w.reconciling(metav1.ConditionFalse, reason, message)
}

func (w Writer) reconciling(ready metav1.ConditionStatus, reason, message string) {
	w.Set(v1alpha1.ReadyCondition, ready, reason, message)
	w.Set(v1alpha1.ReconcilingCondition, metav1.ConditionTrue, reason, message)
	w.Remove(v1alpha1.StalledCondition)
}

// Stalled says that a person has to act.
func (w Writer) Stalled(reason, message string) {
	w.Set(v1alpha1.ReadyCondition, metav1.ConditionFalse, reason, message)
	w.Set(v1alpha1.StalledCondition, metav1.ConditionTrue, reason, message)
	w.Remove(v1alpha1.ReconcilingCondition)
}

// Transitions returns those conditions of after that are new in before, or whose
// status or reason has changed, in after's order and each reason only once: what
// deserves an event.
func Transitions(before, after []metav1.Condition) []metav1.Condition {
	var changed []metav1.Condition
	seen := map[string]bool{}
	for _, condition := range after {
		old := meta.FindStatusCondition(before, condition.Type)
		if old != nil && old.Status == condition.Status && old.Reason == condition.Reason {
			continue
		}
		if !seen[condition.Reason] {
			seen[condition.Reason] = true
			changed = append(changed, condition)
		}
	}
	return changed
}
