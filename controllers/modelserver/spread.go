// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// defaultSpread spreads the pods of a revision over nodes where there is room, if the user
// asks for nothing else. It is part of every template, however many replicas there are: a
// template stays as it is when its revision is scaled, and to a single pod it means nothing.
// It names no zones: the scheduler ignores nodes that lack a key of any constraint, so that
// where nodes have no zone nothing would be spread at all.
func defaultSpread(revision string) []corev1.TopologySpreadConstraint {
	return []corev1.TopologySpreadConstraint{{
		MaxSkew:           1,
		TopologyKey:       corev1.LabelHostname,
		WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector:     &metav1.LabelSelector{MatchLabels: revisionSelector(revision)},
		// Pods that a restart is about to remove don't count.
		MatchLabelKeys: []string{appsv1.DefaultDeploymentUniqueLabelKey},
	}}
}
