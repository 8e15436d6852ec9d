// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// HidesPods tells whether the cache shows fewer pods of a controller than the controller
// reports as active: it may be behind, and it doesn't show pods that lost their labels.
func HidesPods(shown []*corev1.Pod, active int32) bool {
	for _, pod := range shown {
		if pod.DeletionTimestamp == nil && !podstate.IsTerminated(pod) {
			active--
		}
	}
	return active > 0
}

// ListPods reads pods past the cache.
func ListPods(ctx context.Context, live client.Reader, namespace string, selector client.MatchingLabels) ([]*corev1.Pod, error) {
	list := &corev1.PodList{}
	if err := live.List(ctx, list, client.InNamespace(namespace), selector); err != nil {
		return nil, fmt.Errorf("list the pods of namespace %s with labels %v: %w", namespace, selector, err)
	}
	return PodsIn(list), nil
}

// PodsIn returns the pods of a list.
func PodsIn(list *corev1.PodList) []*corev1.Pod {
	pods := make([]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		pods[i] = &list.Items[i]
	}
	return pods
}

// JobSelector selects the pods of a Job.
func JobSelector(job *batchv1.Job) client.MatchingLabels {
	return client.MatchingLabels{batchv1.JobNameLabel: job.Name}
}
