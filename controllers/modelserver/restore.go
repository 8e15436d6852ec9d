// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
)

// restoreChildren puts back the labels and owners that were taken from children. Those
// that aren't observed are found when they are to be created.
func (r *reconciler) restoreChildren(ctx context.Context, s *scope) error {
	var errs []error
	for name, deployment := range s.deployments {
		labels := revisionLabels(s.server, name)
		errs = append(errs, r.restore(ctx, s, deployment, deploymentKind, labels))
		for _, pod := range s.pods[name] {
			errs = append(errs, s.note(children.RestoreIdentity(ctx, r.client, pod, children.PodKind, children.Identity{Labels: labels})))
		}
	}
	for name, kept := range s.templates {
		errs = append(errs, r.restore(ctx, s, kept, controllerRevisionKind, revisionLabels(s.server, name)))
	}
	for _, pod := range s.strays {
		errs = append(errs, r.expelStray(ctx, s, pod))
	}
	for _, job := range s.jobs {
		errs = append(errs, r.restore(ctx, s, job, children.JobKind, testLabels(s.server)), r.restoreTest(ctx, s, job))
	}
	for _, slice := range s.slices {
		errs = append(errs, s.note(children.RestoreIdentity(ctx, r.client, slice, endpointSliceKind, sliceIdentity(s.server, slice))))
	}
	return errors.Join(errs...)
}

// restoreTest has a test go on whose Job was suspended, say.
func (r *reconciler) restoreTest(ctx context.Context, s *scope, job *batchv1.Job) error {
	want := &batchv1.JobSpec{
		BackoffLimit:          ptr.To[int32](0),
		ActiveDeadlineSeconds: job.Spec.ActiveDeadlineSeconds, // of how many pods were tested nothing tells any more
	}
	return s.note(children.RestoreJobSpec(ctx, r.client, r.live, job, want))
}

// restore puts back the labels and the owner that a child of this server was created with.
func (r *reconciler) restore(ctx context.Context, s *scope, child client.Object, kind string, labels map[string]string) error {
	return s.note(children.RestoreIdentity(ctx, r.client, child, kind, children.Identity{Labels: labels, Owner: &ownedBy(s.server)[0]}))
}

// expelStray takes a revision's label from a pod that isn't the revision's, so that it
// gets no traffic: nobody has tested it. A pod that has a controller would only be
// replaced, by another such pod.
func (r *reconciler) expelStray(ctx context.Context, s *scope, pod *corev1.Pod) error {
	revision := pod.Labels[v1alpha1.RevisionLabel]
	if controller := metav1.GetControllerOf(pod); controller != nil {
		return loop.Stalled(v1alpha1.NameConflictReason, fmt.Errorf("pod %s of %s %s is no pod of revision %s but carries its label %s, and gets its traffic: remove the label from the template of %s %s",
			pod.Name, controller.Kind, controller.Name, revision, v1alpha1.RevisionLabel, controller.Kind, controller.Name))
	}
	without := pod.DeepCopy()
	delete(without.Labels, v1alpha1.RevisionLabel)
	if err := r.client.Patch(ctx, without, client.MergeFrom(pod), client.FieldOwner(v1alpha1.FieldManager)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove label %s from pod %s: %w", v1alpha1.RevisionLabel, klog.KObj(pod), err)
	}
	s.repairs = append(s.repairs, fmt.Sprintf("pod %s is no pod of revision %s but carried its label and got its traffic; removed the label", pod.Name, revision))
	return nil
}
