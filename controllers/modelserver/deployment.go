// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

const (
	serveCommand = "serve"
	modelVolume  = "model"
	// startupSeconds is how long a server may take to listen.
	startupSeconds = 600
)

// desiredDeployment builds the Deployment of a revision. It is created once; later
// only its replicas change, and what was edited is set back.
func desiredDeployment(server *v1alpha1.ModelServer, revision string, template revisionTemplate, replicas int32) (*appsv1.Deployment, error) {
	info, err := json.Marshal(template.Info)
	if err != nil {
		return nil, fmt.Errorf("encode what was resolved for revision %s: %w", revision, err)
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name:            revision,
			Namespace:       server.Namespace,
			Labels:          revisionLabels(server, revision),
			Annotations:     map[string]string{v1alpha1.RevisionAnnotation: string(info)},
			OwnerReferences: ownedBy(server),
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(replicas),
			Selector: &metav1.LabelSelector{MatchLabels: revisionSelector(revision)},
			Strategy: appsv1.DeploymentStrategy{
				Type: appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{
					MaxUnavailable: ptr.To(intstr.FromInt32(0)),
					MaxSurge:       ptr.To(intstr.FromInt32(1)),
				},
			},
			RevisionHistoryLimit:    ptr.To[int32](0),   // what was before is nothing to go back to
			ProgressDeadlineSeconds: ptr.To[int32](600), // the API's default
			Template:                *template.Pod.DeepCopy(),
		},
	}, nil
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

// observedRevision is what the planner is told of a Deployment and its pods.
func observedRevision(deployment *appsv1.Deployment, pods []*corev1.Pod) *rollout.Revision {
	revision := &rollout.Revision{
		Name:      deployment.Name,
		UID:       deployment.UID,
		Model:     readRevisionInfo(deployment).Model,
		Created:   deployment.CreationTimestamp.Time,
		Deleting:  deployment.DeletionTimestamp != nil,
		Replicas:  ptr.Deref(deployment.Spec.Replicas, 1),
		Available: deployment.Status.AvailableReplicas,
		Refused:   findReplicaProblem(deployment).Message != "",
		Rolling: deployment.Status.ObservedGeneration < deployment.Generation ||
			deployment.Status.UpdatedReplicas < deployment.Status.Replicas,
	}
	for _, pod := range pods {
		revision.Pods = append(revision.Pods, observedPod(pod))
	}
	return revision
}
