// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

// The cache holds what carries Trainyard's labels. A child that somebody has taken them
// from is still the server's: it has its name and, if that wasn't taken too, its owner.
// So what the plan would give up for gone is read past the cache first, and what was
// taken is put back.

func (r *reconciler) observeDeployments(ctx context.Context, s *scope, o *rollout.Observed) error {
	deployments := &appsv1.DeploymentList{}
	if err := r.client.List(ctx, deployments, r.indexed(s)...); err != nil {
		return fmt.Errorf("list the Deployments of ModelServer %s: %w", klog.KObj(s.server), err)
	}
	s.deployments = map[string]*appsv1.Deployment{}
	for i := range deployments.Items {
		if deployment := &deployments.Items[i]; metav1.IsControlledBy(deployment, s.server) {
			s.deployments[deployment.Name] = deployment
		}
	}
	o.Taken = map[string]bool{}
	for _, name := range o.Named() {
		if s.deployments[name] != nil {
			continue
		}
		deployment, err := r.liveDeployment(ctx, s, name)
		switch {
		case err != nil:
			return err
		case deployment == nil:
		case servers.IsChildOf(deployment, s.server):
			s.deployments[name] = deployment
		default:
			o.Taken[name] = deployment.DeletionTimestamp == nil
		}
	}
	for name, deployment := range s.deployments {
		if err := r.observeRevisionPods(ctx, s, deployment); err != nil {
			return err
		}
		o.Revisions[name] = observedRevision(deployment, s.pods[name])
	}
	return nil
}

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

// maxStrangers bounds how many pods are read past the cache in a pass.
const maxStrangers = 10

func (r *reconciler) observeEndpoints(ctx context.Context, s *scope, o *rollout.Observed) error {
	slices, err := r.listSlices(ctx, s, o)
	if err != nil {
		return err
	}
	revisions := map[string]string{}
	for revision, pods := range s.pods {
		for _, pod := range pods {
			revisions[pod.Name] = revision
		}
	}
	strangers := map[string]bool{}
	for i := range slices.Items {
		for _, endpoint := range slices.Items[i].Endpoints {
			if ref := endpoint.TargetRef; ref != nil && revisions[ref.Name] == "" && len(strangers) < maxStrangers {
				strangers[ref.Name] = true
			}
		}
	}
	for name := range strangers {
		revision, err := r.observeStranger(ctx, s, name)
		if err != nil {
			return err
		}
		revisions[name] = revision
	}
	o.Endpoints = observedEndpoints(slices.Items, revisions)
	return nil
}

// listSlices lists the EndpointSlices of the Service; past the cache, which doesn't show
// those that lost their labels, if it shows fewer endpoints than live has pods for them.
func (r *reconciler) listSlices(ctx context.Context, s *scope, o *rollout.Observed) (*discoveryv1.EndpointSliceList, error) {
	slices := &discoveryv1.EndpointSliceList{}
	err := r.client.List(ctx, slices, client.InNamespace(s.server.Namespace), client.MatchingFields{serviceIndex: s.server.Name})
	if err == nil && s.service != nil && o.Service.Record != nil {
		if live := o.Revisions[o.Service.Record.Live]; live != nil && countEndpoints(slices.Items) < int(live.Available) {
			err = r.live.List(ctx, slices, client.InNamespace(s.server.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: s.server.Name})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list the EndpointSlices of Service %s: %w", klog.KObj(s.server), err)
	}
	for i := range slices.Items {
		if slice := &slices.Items[i]; s.service != nil && metav1.IsControlledBy(slice, s.service) {
			s.slices = append(s.slices, slice)
		}
	}
	return slices, nil
}

func countEndpoints(slices []discoveryv1.EndpointSlice) int {
	n := 0
	for i := range slices {
		n += len(slices[i].Endpoints)
	}
	return n
}

// observeStranger finds out whose pod it is that is an endpoint of the Service, though the
// cache knows nothing of it. It returns the revision that it is of, or nothing.
func (r *reconciler) observeStranger(ctx context.Context, s *scope, name string) (string, error) {
	pod := &corev1.Pod{}
	if err := r.live.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: name}, pod); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	revision := pod.Labels[v1alpha1.RevisionLabel]
	switch {
	case isPodOf(pod, revision):
		s.pods[revision] = append(s.pods[revision], pod) // its labels are put back
		return revision, nil
	case s.deployments[revision] != nil && pod.DeletionTimestamp == nil:
		s.strays = append(s.strays, pod)
	}
	return "", nil
}

// expelStray takes a revision's label from a pod that isn't the revision's, so that it
// gets no traffic: nobody has tested it. A pod that has a controller would only be
// replaced, by another such pod.
func (r *reconciler) expelStray(ctx context.Context, s *scope, pod *corev1.Pod) error {
	revision := pod.Labels[v1alpha1.RevisionLabel]
	if controller := metav1.GetControllerOf(pod); controller != nil {
		return loop.Stalled(v1alpha1.NameConflictReason, fmt.Errorf("pod %s of %s %s is no pod of %s but carries its label %s, and gets its traffic: remove the label from the template of %s %s",
			pod.Name, controller.Kind, controller.Name, revision, v1alpha1.RevisionLabel, controller.Kind, controller.Name))
	}
	without := pod.DeepCopy()
	delete(without.Labels, v1alpha1.RevisionLabel)
	if err := r.client.Patch(ctx, without, client.MergeFrom(pod), client.FieldOwner(v1alpha1.FieldManager)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove label %s from pod %s: %w", v1alpha1.RevisionLabel, klog.KObj(pod), err)
	}
	s.repairs = append(s.repairs, fmt.Sprintf("pod %s is no pod of %s but carried its label and got its traffic; removed the label", pod.Name, revision))
	return nil
}

// restoreChildren puts back the labels and owners that were taken from children. Those
// that aren't observed are found when they are to be created.
func (r *reconciler) restoreChildren(ctx context.Context, s *scope) error {
	var errs []error
	for name, deployment := range s.deployments {
		labels := revisionLabels(s.server, name)
		errs = append(errs, r.restore(ctx, s, deployment, deploymentKind, labels))
		for _, pod := range s.pods[name] {
			restored, err := children.RestoreIdentity(ctx, r.client, pod, children.PodKind, children.Identity{Labels: labels})
			if restored {
				s.repairs = append(s.repairs, children.RestoredMessage(children.PodKind, pod))
			}
			errs = append(errs, err)
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
		restored, err := children.RestoreIdentity(ctx, r.client, slice, endpointSliceKind, sliceIdentity(s.server, slice))
		if restored {
			s.repairs = append(s.repairs, children.RestoredMessage(endpointSliceKind, slice))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// restoreTest has a test go on whose Job was suspended, say.
func (r *reconciler) restoreTest(ctx context.Context, s *scope, job *batchv1.Job) error {
	want := &batchv1.JobSpec{
		BackoffLimit:          ptr.To[int32](0),
		ActiveDeadlineSeconds: job.Spec.ActiveDeadlineSeconds, // of how many pods were tested nothing tells any more
	}
	restored, err := children.RestoreJobSpec(ctx, r.client, r.live, job, want)
	if restored {
		s.repairs = append(s.repairs, children.JobEditedMessage(job))
	}
	return err
}

// sliceIdentity is what the Service's EndpointSlices are found by. Without the label of
// who manages it, a slice would go on sending traffic to pods that are gone.
func sliceIdentity(server *v1alpha1.ModelServer, slice *discoveryv1.EndpointSlice) children.Identity {
	labels := ownLabels(server)
	if slice.Labels[discoveryv1.LabelManagedBy] == "" {
		labels[discoveryv1.LabelManagedBy] = sliceController
	}
	return children.Identity{Labels: labels}
}

// sliceController is the part of Kubernetes that keeps the EndpointSlices of Services
// with a selector.
const sliceController = "endpointslice-controller.k8s.io"

// restore puts back the labels and the owner that a child of this server was created with.
func (r *reconciler) restore(ctx context.Context, s *scope, child client.Object, kind string, labels map[string]string) error {
	restored, err := children.RestoreIdentity(ctx, r.client, child, kind, children.Identity{Labels: labels, Owner: &ownedBy(s.server)[0]})
	if restored {
		s.repairs = append(s.repairs, children.RestoredMessage(kind, child))
	}
	return err
}

// countRevisions makes sure that another Deployment may be created: the cache may not show
// all that there are.
func (r *reconciler) countRevisions(ctx context.Context, s *scope) error {
	existing := &appsv1.DeploymentList{}
	if err := r.live.List(ctx, existing, client.InNamespace(s.server.Namespace),
		client.MatchingLabels{v1alpha1.ModelServerLabel: s.server.Name}); err != nil {
		return fmt.Errorf("count the Deployments of ModelServer %s: %w", klog.KObj(s.server), err)
	}
	owned := 0
	for i := range existing.Items {
		deployment := &existing.Items[i]
		if !metav1.IsControlledBy(deployment, s.server) {
			continue
		}
		owned++
		if s.deployments[deployment.Name] == nil { // nothing else would find it
			if err := r.restore(ctx, s, deployment, deploymentKind, revisionLabels(s.server, deployment.Name)); err != nil {
				return err
			}
		}
	}
	if owned >= rollout.MaxDeployments {
		return stale(s.server, "ModelServer %s has %d Deployments already", s.server.Name, owned)
	}
	return nil
}
