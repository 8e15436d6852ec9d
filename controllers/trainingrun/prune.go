// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// What a run has left is deleted in three steps, so that it is never deleted under a server:
//
//  1. The run's status says Pruning, if no ModelServer uses the model. From then on none resolves it, and none is given the traffic
//     with it.
//  2. In a later pass, which sees that status, ModelServers and what is kept of their revisions are read past the cache. One that
//     has begun with the model meanwhile has written that down before: then nothing is deleted, and the run says InUse.
//  3. Else a Job deletes it, and the run says Pruned.

// usageInterval is how often a model that is due is looked at again while it is used.
const usageInterval = time.Hour

// pruning is what the condition Pruned says.
type pruning struct{ reason, message string }

// pruningIn is what a status says; nil if it says nothing.
func pruningIn(status *v1alpha1.TrainingRunStatus) *pruning {
	c := meta.FindStatusCondition(status.Conditions, v1alpha1.PrunedCondition)
	if c == nil {
		return nil
	}
	return &pruning{reason: c.Reason, message: c.Message}
}

func (p *pruning) is(reason string) bool { return p != nil && p.reason == reason }

// pruneOutput deletes what an ended run has left in its output, once spec.output.retention is over.
func (r *reconciler) pruneOutput(ctx context.Context, s *scope) error {
	job, err := r.pruneJob(ctx, s.run)
	switch {
	case err != nil:
		return err
	case job != nil && s.pruning.is(v1alpha1.PrunedReason):
		return r.deleteJob(ctx, job) // what has come of it is in status
	case job != nil:
		s.pruning, err = r.judgePruning(ctx, s, job)
		return err
	case s.pruning.is(v1alpha1.PrunedReason):
		return nil
	}
	retention, err := s.run.Spec.Output.Retention.Parse()
	if err != nil {
		return loop.Stalled(v1alpha1.InvalidSpecReason, fmt.Errorf("spec.output.retention: %w", err))
	}
	left := sinceEnd(s, retention)
	switch {
	case retention == 0:
		s.pruning = nil
		return nil
	case left > 0:
		s.pruning = nil
		s.requeueWithin(left)
		return nil
	case s.pruning == nil || s.pruning.is(v1alpha1.InUseReason):
		return r.announcePruning(ctx, s)
	default:
		return r.startPruning(ctx, s)
	}
}

// announcePruning says that the model is about to go, unless a server uses it.
func (r *reconciler) announcePruning(ctx context.Context, s *scope) error {
	user, err := r.userOf(ctx, r.client, s.run)
	if err != nil || s.keptFor(user) {
		return err
	}
	s.pruning = &pruning{reason: v1alpha1.PruningReason, message: "spec.output.retention is over: what the run has left in its output is about to be deleted"}
	s.requeueWithin(recordGrace)
	return nil
}

// keptFor says that a server uses the model, if one does.
func (s *scope) keptFor(user string) bool {
	if user == "" {
		return false
	}
	s.pruning = &pruning{reason: v1alpha1.InUseReason, message: fmt.Sprintf("spec.output.retention is over, but %s uses the model, or may go back to it: it is kept as long as that is so", user)}
	s.requeueWithin(usageInterval)
	return true
}

// startPruning starts the Job, unless a server has begun with the model meanwhile.
func (r *reconciler) startPruning(ctx context.Context, s *scope) error {
	user, err := r.userOf(ctx, r.live, s.run)
	if err != nil || s.keptFor(user) {
		return err
	}
	ranges, err := children.ListLimitRanges(ctx, r.client, s.run.Namespace)
	if err != nil {
		return err
	}
	job, err := desiredPruneJob(jobInput{run: s.run, image: r.image, ranges: ranges})
	if err != nil {
		return err
	}
	if err := r.client.Create(ctx, job, client.FieldOwner(v1alpha1.FieldManager)); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create Job %s: %w", klog.KObj(job), err)
	}
	logf.FromContext(ctx).Info("Created Job", "job", klog.KObj(job))
	s.pruning = &pruning{reason: v1alpha1.PruningReason, message: fmt.Sprintf("spec.output.retention is over: Job %s deletes what the run has left in its output", job.Name)}
	return nil
}

// pruneJob returns the Job that deletes what a run has left, or nil.
func (r *reconciler) pruneJob(ctx context.Context, run *v1alpha1.TrainingRun) (*batchv1.Job, error) {
	job := &batchv1.Job{}
	key := types.NamespacedName{Namespace: run.Namespace, Name: pruneJobName(run)}
	if err := r.client.Get(ctx, key, job); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("get Job %s: %w", key, err)
	}
	if !runs.IsChildOf(job, run) {
		return nil, runs.CheckOwnership(job, run, children.JobKind)
	}
	return job, nil
}

// judgePruning says what has come of the Job.
func (r *reconciler) judgePruning(ctx context.Context, s *scope, job *batchv1.Job) (*pruning, error) {
	end := children.FindJobEnd(job)
	switch {
	case end == nil:
		return s.pruning, nil
	case end.Type == batchv1.JobComplete:
		return &pruning{reason: v1alpha1.PrunedReason, message: "what the run had left in its output was deleted, because spec.output.retention was over"}, nil
	}
	pods := &corev1.PodList{}
	if err := r.client.List(ctx, pods, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name}); err != nil {
		return nil, fmt.Errorf("list the pods of Job %s: %w", klog.KObj(job), err)
	}
	cause := end.Message
	for _, pod := range children.PodsIn(pods) {
		result := &contract.TrainResult{}
		if e := podstate.FindContainerEnd(pod, contract.RunnerContainer); e != nil && contract.DecodeResult([]byte(e.Output), result) == nil && result.Message != "" {
			cause = result.Message
		}
	}
	return &pruning{reason: v1alpha1.PruneFailedReason, message: fmt.Sprintf("what the run has left in its output can't be deleted: %s; delete Job %s to try again", cause, job.Name)}, nil
}
