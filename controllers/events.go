// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
