// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/rollout"
)

// The cache holds what carries Trainyard's labels. A child that somebody has taken them
// from is still the server's: it has its name and, if that wasn't taken too, its owner.
// So what the plan would give up for gone is read past the cache first, and what was
// taken is put back.

func (r *modelServerReconciler) observeDeployments(ctx context.Context, s *modelServerScope, o *rollout.Observed) error {
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
		case isChildOf(deployment, s.server):
			s.deployments[name] = deployment
		default:
			o.Taken[name] = deployment.DeletionTimestamp == nil
		}
	}
	for name, deployment := range s.deployments {
		if err := r.observeHiddenPods(ctx, s, deployment); err != nil {
			return err
		}
		o.Revisions[name] = observedRevision(deployment, s.pods[name])
	}
	return nil
}

// observeHiddenPods reads a Deployment's pods past the cache if that shows fewer than
// the Deployment has.
func (r *modelServerReconciler) observeHiddenPods(ctx context.Context, s *modelServerScope, deployment *appsv1.Deployment) error {
	seen := 0
	for _, pod := range s.pods[deployment.Name] {
		if pod.DeletionTimestamp == nil && !isTerminated(pod) {
			seen++
		}
	}
	if seen >= int(deployment.Status.Replicas) || deployment.DeletionTimestamp != nil {
		return nil
	}
	pods := &corev1.PodList{}
	if err := r.live.List(ctx, pods, client.InNamespace(deployment.Namespace), client.MatchingLabels(revisionSelector(deployment.Name))); err != nil {
		return fmt.Errorf("list the pods of Deployment %s: %w", klog.KObj(deployment), err)
	}
	s.pods[deployment.Name] = nil
	for i := range pods.Items {
		if pod := &pods.Items[i]; isPodOf(pod, deployment) {
			s.pods[deployment.Name] = append(s.pods[deployment.Name], pod)
		}
	}
	return nil
}

// isPodOf tells whether a pod is one of a Deployment's: its controller is a ReplicaSet
// that has the Deployment's name before a hash.
func isPodOf(pod *corev1.Pod, deployment *appsv1.Deployment) bool {
	controller := metav1.GetControllerOf(pod)
	if controller == nil {
		return false
	}
	return controller.UID == deployment.UID || controller.Kind == "ReplicaSet" && strings.HasPrefix(controller.Name, deployment.Name+"-")
}

// restoreChildren puts back the labels and owners that were taken from children. Those
// that aren't observed are found when they are to be created.
func (r *modelServerReconciler) restoreChildren(ctx context.Context, s *modelServerScope) error {
	var errs []error
	for name, deployment := range s.deployments {
		labels := revisionLabels(s.server, name)
		errs = append(errs, r.restore(ctx, s, deployment, deploymentKind, labels))
		for _, pod := range s.pods[name] {
			if _, err := restoreIdentity(ctx, r.client, pod, podKind, identity{labels: labels}); err != nil {
				errs = append(errs, err)
			}
		}
	}
	for name, kept := range s.templates {
		errs = append(errs, r.restore(ctx, s, kept, controllerRevisionKind, revisionLabels(s.server, name)))
	}
	for _, job := range s.jobs {
		errs = append(errs, r.restore(ctx, s, job, jobKind, testLabels(s.server)))
	}
	return errors.Join(errs...)
}

// restore puts back the labels and the owner that a child of this server was created with.
func (r *modelServerReconciler) restore(ctx context.Context, s *modelServerScope, child client.Object, kind string, labels map[string]string) error {
	restored, err := restoreIdentity(ctx, r.client, child, kind, identity{labels: labels, owner: &ownedByServer(s.server)[0]})
	if restored {
		s.repairs = append(s.repairs, restoredMessage(kind, child))
	}
	return err
}

// countRevisions makes sure that another Deployment may be created: the cache may not show
// all that there are.
func (r *modelServerReconciler) countRevisions(ctx context.Context, s *modelServerScope) error {
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
