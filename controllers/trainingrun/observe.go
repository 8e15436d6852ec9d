// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// observe reads the run's Job, that Job's pods and what the newest says of its progress.
func (r *reconciler) observe(ctx context.Context, s *scope) error {
	key := types.NamespacedName{Namespace: s.run.Namespace, Name: jobName(s.run)}
	if err := r.observeJob(ctx, s, key); err != nil {
		return err
	}
	s.over = isOver(&s.run.Status, s.job)
	pods := &corev1.PodList{}
	if err := r.client.List(ctx, pods, client.InNamespace(s.run.Namespace), client.MatchingFields{runIndex: s.run.Name}); err != nil {
		return fmt.Errorf("list the pods of TrainingRun %s: %w", klog.KObj(s.run), err)
	}
	s.pods, s.strayPod = sortPods(children.PodsIn(pods), s.job, key.Name)
	if s.job != nil && !s.ended && children.HidesPods(s.pods, s.job.Status.Active) {
		if err := r.observeLive(ctx, s); err != nil {
			return err
		}
	}
	s.observed = true
	r.observePod(s)
	return nil
}

// observeJob reads the run's Job; past the cache if that doesn't show one that status
// reports, for it may have lost its labels.
func (r *reconciler) observeJob(ctx context.Context, s *scope, key types.NamespacedName) error {
	job := &batchv1.Job{}
	err := r.client.Get(ctx, key, job)
	if apierrors.IsNotFound(err) && s.run.Status.JobName != "" && !isEnded(&s.run.Status) {
		err = r.live.Get(ctx, key, job)
	}
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("get Job %s: %w", key, err)
	case runs.IsChildOf(job, s.run):
		s.job = job
	}
	return nil
}

// observeLive reads the Job's pods past the cache.
func (r *reconciler) observeLive(ctx context.Context, s *scope) error {
	pods, err := children.ListPods(ctx, r.live, s.run.Namespace, children.JobSelector(s.job))
	if err != nil {
		return err
	}
	s.pods, s.strayPod = sortPods(pods, s.job, s.job.Name)
	return nil
}

// sortPods returns the pods of a Job, the oldest first, and a pod of an earlier Job of
// this name that hasn't ended.
func sortPods(all []*corev1.Pod, job *batchv1.Job, jobName string) (pods []*corev1.Pod, stray *corev1.Pod) {
	for _, pod := range all {
		switch {
		case job != nil && metav1.IsControlledBy(pod, job):
			pods = append(pods, pod)
		case pod.Labels[batchv1.JobNameLabel] == jobName && !podstate.IsTerminated(pod):
			stray = pod
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return pods, stray
}

// observePod finds out what the newest pod waits for, or how far it has come; or why there is none.
func (r *reconciler) observePod(s *scope) {
	pod := s.activePod()
	if pod == nil || pod.Status.Phase != corev1.PodRunning || s.over {
		r.progress.forget(client.ObjectKeyFromObject(s.run))
	} else {
		s.progress = r.progress.track(client.ObjectKeyFromObject(s.run), pod)
	}
	var again time.Duration
	switch newest := s.newestPod(); {
	case pod != nil:
		s.problem, again = r.explainer.ExplainPod(s.run, pod)
	case s.job != nil && !s.over && (newest == nil || newest.Status.Phase != corev1.PodSucceeded):
		s.problem, again = r.explainer.ExplainJob(s.run, s.job, runnerAsker)
	}
	s.requeueWithin(again)
}
