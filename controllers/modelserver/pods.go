// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// The cache holds what carries Trainyard's labels. A child that somebody has taken them
// from is still the server's: it has its name and, if that wasn't taken too, its owner.
// So what the plan would give up for gone is read past the cache first, and what was
// taken is put back.

// observeRevisionPods leaves of the pods that carry a revision's label those that are the
// revision's.
func (r *reconciler) observeRevisionPods(ctx context.Context, s *scope, deployment *appsv1.Deployment) error {
	name := deployment.Name
	strange := func(pod *corev1.Pod) bool { return !isPodOf(pod, name) }
	pods := slices.DeleteFunc(s.pods[name], strange)
	if deployment.DeletionTimestamp == nil && children.HidesPods(pods, deployment.Status.Replicas) {
		all, err := children.ListPods(ctx, r.live, deployment.Namespace, revisionSelector(name))
		if err != nil {
			return err
		}
		pods = slices.DeleteFunc(all, strange)
	}
	s.pods[name] = pods
	return nil
}

// isPodOf tells whether a pod is one of a revision's: its controller is the revision's
// Deployment, by a ReplicaSet that has its name before a hash.
func isPodOf(pod *corev1.Pod, revision string) bool {
	controller := metav1.GetControllerOf(pod)
	if controller == nil {
		return false
	}
	return controller.Kind == deploymentKind && controller.Name == revision ||
		controller.Kind == "ReplicaSet" && strings.HasPrefix(controller.Name, revision+"-")
}

func (r *reconciler) observePods(ctx context.Context, s *scope, _ *rollout.Observed) error {
	pods := &corev1.PodList{}
	if err := r.client.List(ctx, pods, r.indexed(s)...); err != nil {
		return fmt.Errorf("list the pods of ModelServer %s: %w", klog.KObj(s.server), err)
	}
	s.pods = map[string][]*corev1.Pod{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		key := pod.Labels[v1alpha1.RevisionLabel]
		if key == "" {
			key = pod.Labels[batchv1.JobNameLabel]
		}
		s.pods[key] = append(s.pods[key], pod)
	}
	return nil
}

func observedPod(pod *corev1.Pod) rollout.Pod {
	observed := rollout.Pod{
		Name: pod.Name,
		UID:  pod.UID,
		URL:  podURL(pod),
		// A serving pod that ended as a whole was taken away: its containers restart.
		Leaving: pod.DeletionTimestamp != nil || podstate.IsDisrupted(pod) || podstate.IsTerminated(pod),
	}
	if c := podstate.FindCondition(pod, corev1.PodReady); c != nil {
		observed.Ready = c.Status == corev1.ConditionTrue && pod.Status.PodIP != ""
	}
	observed.Unready = isUnready(pod)
	if end := failedPull(pod, contract.PullContainer); end != nil {
		observed.Terminated = observedPull(end)
	} else if end := podstate.FindContainerEnd(pod, contract.ServerContainer); end != nil {
		code := ptr.Deref(end.ExitCode, -1)
		observed.Terminated = &rollout.Termination{
			ID:           end.ID(),
			Own:          isOwnEnd(pod, end),
			ExitCode:     code,
			Reason:       text.Clean(end.Reason, podstate.MaxReason),
			Message:      serverMessage(end.Output),
			ModelInvalid: code == contract.ExitArtifact && !isMissingModel(end),
		}
	}
	return observed
}
