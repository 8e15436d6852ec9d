// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

// stale ends a pass that was planned on what has changed since. It is a conflict like
// one that the API server finds: status stays as it is and the next pass decides anew.
func stale(server *v1alpha1.ModelServer, format string, args ...any) error {
	resource := v1alpha1.GroupVersion.WithResource("modelservers").GroupResource()
	return apierrors.NewConflict(resource, server.Name, fmt.Errorf(format, args...))
}

// execute does what was planned: it writes the record, or brings the children in line.
// No child's error keeps it from the others.
func (r *reconciler) execute(ctx context.Context, s *scope) error {
	a := &s.actions
	if a.Record != nil {
		return r.writeRollout(ctx, s)
	}
	var errs []error
	for _, scale := range a.Scale {
		errs = append(errs, r.scaleRevision(ctx, s, scale))
	}
	for _, start := range a.Start {
		errs = append(errs, r.startTest(ctx, s, start))
	}
	before := len(errs)
	for _, name := range a.DeleteJobs {
		errs = append(errs, r.deleteTest(ctx, s, name))
	}
	// Tests of what was edited go first: afterwards nothing would tell them from others.
	if errors.Join(errs[before:]...) == nil {
		errs = append(errs, r.resetRevisions(ctx, s))
	}
	for _, retiring := range a.DeleteRevisions {
		errs = append(errs, r.deleteRevision(ctx, s, retiring))
	}
	for _, name := range a.DeleteTemplates {
		errs = append(errs, r.deleteTemplate(ctx, s, name))
	}
	for _, name := range a.KeepTemplates {
		errs = append(errs, r.keepTemplateOf(ctx, s, s.deployments[name]))
	}
	for _, create := range a.Create {
		errs = append(errs, r.createRevision(ctx, s, create))
	}
	return errors.Join(errs...)
}

// writeRollout is the only function that moves traffic. It writes record and selector
// in one request onto the version of the Service that the plan was made on.
func (r *reconciler) writeRollout(ctx context.Context, s *scope) error {
	if err := r.verifyPlan(ctx, s); err != nil {
		return err
	}
	record := s.actions.Record
	if s.service == nil {
		service, err := newService(s.server, record)
		if err != nil {
			return err
		}
		if err := r.client.Create(ctx, service, client.FieldOwner(v1alpha1.RolloutFieldManager)); err != nil {
			return r.createFailed(ctx, s, service, serviceKind, err)
		}
		s.service = service
	} else {
		data, err := rolloutPatch(s.service, record)
		if err != nil {
			return err
		}
		service := s.service.DeepCopy()
		if err := r.client.Patch(ctx, service, client.RawPatch(types.MergePatchType, data), client.FieldOwner(v1alpha1.RolloutFieldManager)); err != nil {
			return fmt.Errorf("write the rollout to Service %s: %w", klog.KObj(service), err)
		}
		s.service = service
	}
	logf.FromContext(ctx).Info("Wrote rollout", "switch", record.Switch, "live", record.Live, "baked", record.Baked, "fallback", record.Fallback)
	s.observed.Service = &rollout.Service{Selected: record.Live, Record: record}
	if s.actions.Repaired != "" {
		s.repairs = append(s.repairs, s.actions.Repaired)
	}
	return nil
}

// verifyPlan reads past the cache what a write of the record relies on.
func (r *reconciler) verifyPlan(ctx context.Context, s *scope) error {
	server := &v1alpha1.ModelServer{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(s.server), server); err != nil {
		return fmt.Errorf("get ModelServer %s: %w", klog.KObj(s.server), err)
	}
	if server.UID != s.server.UID || server.Generation != s.server.Generation || server.DeletionTimestamp != nil {
		return stale(s.server, "ModelServer %s has changed", s.server.Name)
	}
	if err := r.verifyLive(ctx, s); err != nil {
		return err
	}
	if err := r.verifyFallback(ctx, s); err != nil {
		return err
	}
	for _, name := range s.actions.Gone {
		deployment, err := r.liveDeployment(ctx, s, name)
		if err != nil {
			return err
		}
		if deployment == nil || !servers.IsChildOf(deployment, s.server) {
			continue // somebody has taken it over: it is none of the rollout's any more
		}
		if cached := s.deployments[name]; cached == nil || cached.UID != deployment.UID {
			return stale(s.server, "Deployment %s is still there", name)
		}
	}
	return nil
}

// verifyLive makes sure that a revision that is about to be promoted can answer. One that
// was live before gets its selector back whatever has become of it.
func (r *reconciler) verifyLive(ctx context.Context, s *scope) error {
	to := s.actions.Record.Live
	if record := s.record(); to == "" || record != nil && record.Live == to {
		return nil
	}
	deployment, err := r.liveDeployment(ctx, s, to)
	switch {
	case err != nil:
		return err
	case s.actions.Repaired != "" && s.observed.Templates[to]:
		return nil // it was live before; if its Deployment is gone, it is recreated
	case deployment == nil || deployment.DeletionTimestamp != nil || !servers.IsChildOf(deployment, s.server):
		return stale(s.server, "Deployment %s is gone", to)
	case s.actions.Repaired == "" && deployment.Status.AvailableReplicas == 0:
		return stale(s.server, "Deployment %s has no available replica", to)
	}
	return nil
}

// verifyFallback makes sure that a revision that is about to become the fallback is there,
// or can be recreated.
func (r *reconciler) verifyFallback(ctx context.Context, s *scope) error {
	to := s.actions.Record.Fallback
	if record := s.record(); to == "" || record != nil && record.Fallback == to || s.observed.Templates[to] {
		return nil
	}
	deployment, err := r.liveDeployment(ctx, s, to)
	if err == nil && (deployment == nil || deployment.DeletionTimestamp != nil || !servers.IsChildOf(deployment, s.server)) {
		err = stale(s.server, "Deployment %s is gone", to)
	}
	return err
}

// liveDeployment reads a Deployment past the cache; nil if there is none.
func (r *reconciler) liveDeployment(ctx context.Context, s *scope, name string) (*appsv1.Deployment, error) {
	deployment := &appsv1.Deployment{}
	err := r.live.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: name}, deployment)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get Deployment %s: %w", name, err)
	}
	return deployment, nil
}

// createFailed explains why a child couldn't be created. One that exists and is ours
// is no error: the cache didn't show it yet.
func (r *reconciler) createFailed(ctx context.Context, s *scope, child client.Object, kind string, err error) error {
	switch {
	case apierrors.IsInvalid(err):
		return loop.Stalled(v1alpha1.InvalidSpecReason, fmt.Errorf("the API server refuses %s %s: %w", kind, child.GetName(), err))
	case !apierrors.IsAlreadyExists(err):
		return fmt.Errorf("create %s %s: %w", kind, klog.KObj(child), err)
	}
	labels := child.GetLabels()
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(child), child); err != nil {
		return fmt.Errorf("get %s %s, which exists: %w", kind, klog.KObj(child), err)
	}
	if err := servers.CheckOwnership(child, s.server, kind); err != nil {
		return err
	}
	if child.GetDeletionTimestamp() != nil {
		return loop.Waiting(v1alpha1.WaitingForDeletionReason, 0, fmt.Errorf("%s %s is being deleted; another is made when it is gone", kind, child.GetName()))
	}
	if kind == serviceKind {
		return stale(s.server, "Service %s exists already", child.GetName())
	}
	return r.restore(ctx, s, child, kind, labels)
}

// createRevision creates a revision's Deployment, unless there are as many as there
// may be: the cache may not show all of them yet.
func (r *reconciler) createRevision(ctx context.Context, s *scope, create rollout.Scale) error {
	if err := r.countRevisions(ctx, s); err != nil {
		return err
	}
	template, err := r.templateOf(ctx, s, create.Revision)
	if err != nil {
		return err
	}
	deployment, err := desiredDeployment(s.server, create.Revision, template, create.Replicas)
	if err != nil {
		return err
	}
	if err := r.client.Create(ctx, deployment, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return r.createFailed(ctx, s, deployment, deploymentKind, err) // if that is nil there is nothing to tell of: it was there
	}
	logf.FromContext(ctx).Info("Created revision", "deployment", klog.KObj(deployment), "replicas", create.Replicas)
	if record := s.observed.Service.Record; create.Revision == record.Live || create.Revision == record.Fallback {
		s.repairs = append(s.repairs, s.actions.Repaired)
	}
	return nil
}

// scaleRevision writes nothing but the replicas, and only of the Deployment that was seen.
func (r *reconciler) scaleRevision(ctx context.Context, s *scope, scale rollout.Scale) error {
	deployment := s.deployments[scale.Revision].DeepCopy()
	stored, err := r.liveDeployment(ctx, s, scale.Revision) // the cache has no managed fields
	if err != nil {
		return err
	}
	data, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": deployment.UID},
		"spec":     map[string]any{"replicas": scale.Replicas},
	})
	if err != nil {
		return fmt.Errorf("encode the replicas of Deployment %s: %w", deployment.Name, err)
	}
	err = r.client.Patch(ctx, deployment, client.RawPatch(types.MergePatchType, data), client.FieldOwner(v1alpha1.FieldManager))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("scale Deployment %s: %w", klog.KObj(deployment), err)
	}
	if stored != nil && stored.UID == deployment.UID && children.IsScaledByOthers(stored) {
		s.repairs = append(s.repairs, fmt.Sprintf("Deployment %s was scaled outside Trainyard; set it to %d replicas: scale the ModelServer", scale.Revision, scale.Replicas))
	}
	logf.FromContext(ctx).Info("Scaled revision", "deployment", klog.KObj(deployment), "replicas", scale.Replicas)
	return nil
}

// startTest creates the Job of a test. What it is compared with is live, or during
// live's own bake, the fallback.
func (r *reconciler) startTest(ctx context.Context, s *scope, start rollout.Start) error {
	record := s.observed.Service.Record
	reference := record.Live
	if start.Check == rollout.Bake {
		reference = record.Fallback
	}
	ranges, err := children.ListLimitRanges(ctx, r.client, s.server.Namespace)
	if err != nil {
		return err
	}
	in := testInput{server: s.server, config: s.config, image: r.image, start: start, ranges: ranges, now: s.now}
	if tested := s.infoOf(start.Revision); tested != nil {
		in.info = *tested
	}
	in.liveInfo = s.infoOf(reference)
	in.deployment = s.deployments[start.Revision].UID
	skipped, err := r.withoutReference(ctx, s, &in)
	if err != nil {
		return err
	}
	if skipped != "" {
		in.liveInfo, in.skipped = nil, skipped
	}
	job, err := desiredTestJob(in)
	if err != nil {
		return loop.Stalled(v1alpha1.InvalidSpecReason, err)
	}
	if err := r.client.Create(ctx, job, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return r.createFailed(ctx, s, job, children.JobKind, err)
	}
	if skipped != "" {
		s.skipped = fmt.Sprintf("Job %s doesn't compare %s with %s: %s; its own samples decide", job.Name, start.Revision, reference, skipped)
	}
	logf.FromContext(ctx).Info("Started test", "job", klog.KObj(job), "check", start.Check, "attempt", start.Attempt)
	return nil
}

func (r *reconciler) deleteTest(ctx context.Context, s *scope, name string) error {
	job := s.jobs[name]
	err := r.client.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &job.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Job %s: %w", klog.KObj(job), err)
	}
	return nil
}

// deleteRevision deletes exactly the Deployment that the record names. Its pods drain.
func (r *reconciler) deleteRevision(ctx context.Context, s *scope, retiring rollout.Retiring) error {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: retiring.Name, Namespace: s.server.Namespace}}
	err := r.client.Delete(ctx, deployment,
		client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &retiring.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Deployment %s: %w", klog.KObj(deployment), err)
	}
	logf.FromContext(ctx).Info("Deleted revision", "deployment", klog.KObj(deployment))
	return nil
}

// reconcileService brings ports and type in line, never what moves traffic.
func (r *reconciler) reconcileService(ctx context.Context, s *scope) error {
	if s.service == nil {
		return nil
	}
	desired := desiredService(s.server, s.service)
	if equality.Semantic.DeepEqual(desired, s.service) {
		return nil
	}
	changes := client.MergeFromWithOptions(s.service.DeepCopy(), client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, desired, changes, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		if apierrors.IsInvalid(err) {
			return loop.Stalled(v1alpha1.InvalidSpecReason, fmt.Errorf("the API server refuses spec.service: %w", err))
		}
		return fmt.Errorf("patch Service %s: %w", klog.KObj(desired), err)
	}
	switch {
	case ownIdentity(s.server).Restored(s.service) != nil:
		s.repairs = append(s.repairs, children.RestoredMessage(serviceKind, desired))
	case s.server.Status.ObservedGeneration == s.server.Generation:
		s.repairs = append(s.repairs, fmt.Sprintf("Service %s was edited outside Trainyard; set it back to spec.service", desired.Name))
	}
	s.service = desired
	return nil
}

// reconcileAutoscaler has one HorizontalPodAutoscaler once there is something to
// scale, and none without spec.autoscaling.
func (r *reconciler) reconcileAutoscaler(ctx context.Context, s *scope) error {
	existing := &autoscalingv2.HorizontalPodAutoscaler{}
	reader := client.Reader(r.client)
	if s.server.Status.ObservedGeneration != s.server.Generation {
		reader = r.live // the cache shows none that lost its labels
	}
	err := reader.Get(ctx, client.ObjectKeyFromObject(s.server), existing)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get HorizontalPodAutoscaler %s: %w", klog.KObj(s.server), err)
	}
	exists := err == nil
	if s.server.Spec.Autoscaling == nil {
		if !exists || !servers.IsChildOf(existing, s.server) || existing.DeletionTimestamp != nil {
			return nil
		}
		if err := r.client.Delete(ctx, existing, client.Preconditions{UID: &existing.UID}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete HorizontalPodAutoscaler %s: %w", klog.KObj(existing), err)
		}
		return nil
	}
	if record := s.observed.Service; record == nil || record.Record == nil || record.Record.Live == "" {
		return nil
	}
	desired, err := desiredAutoscaler(s.server)
	if err != nil {
		return err
	}
	if exists {
		s.autoscaler = existing
		return r.updateAutoscaler(ctx, s, desired, existing)
	}
	if err := r.client.Create(ctx, desired, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return r.createFailed(ctx, s, desired, autoscalerKind, err)
	}
	return nil
}

func (r *reconciler) updateAutoscaler(ctx context.Context, s *scope, desired, existing *autoscalingv2.HorizontalPodAutoscaler) error {
	if err := servers.CheckOwnership(existing, s.server, autoscalerKind); err != nil {
		return err
	}
	if err := r.restore(ctx, s, existing, autoscalerKind, ownLabels(s.server)); err != nil {
		return err
	}
	if !autoscalerDiffers(desired, existing) {
		return nil
	}
	updated := existing.DeepCopy()
	updated.Spec = desired.Spec
	if updated.Annotations == nil {
		updated.Annotations = map[string]string{}
	}
	updated.Annotations[specHashAnnotation] = desired.Annotations[specHashAnnotation]
	changes := client.MergeFromWithOptions(existing.DeepCopy(), client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, updated, changes, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		if apierrors.IsInvalid(err) {
			return loop.Stalled(v1alpha1.InvalidSpecReason, fmt.Errorf("the API server refuses spec.autoscaling: %w", err))
		}
		return fmt.Errorf("patch HorizontalPodAutoscaler %s: %w", klog.KObj(updated), err)
	}
	if existing.Annotations[specHashAnnotation] == desired.Annotations[specHashAnnotation] {
		s.repairs = append(s.repairs, fmt.Sprintf("HorizontalPodAutoscaler %s was edited outside Trainyard; set it back to spec.autoscaling", updated.Name))
	}
	return nil
}
