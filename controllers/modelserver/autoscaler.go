// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
)

// specHashAnnotation tells an autoscaler that was made from this spec from one whose
// fields the API server has only filled with defaults.
const specHashAnnotation = "trainyard.dev/spec-hash"

// desiredAutoscaler builds the HorizontalPodAutoscaler of a server, which must have
// spec.autoscaling. It scales the ModelServer, not a Deployment: so it outlives
// revisions, and the Deployments' replicas have one writer.
func desiredAutoscaler(server *v1alpha1.ModelServer) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	autoscaling := server.Spec.Autoscaling
	behavior, err := coreBehavior(autoscaling.Behavior)
	if err != nil {
		return nil, loop.Stalled(v1alpha1.InvalidSpecReason, err)
	}
	metrics, err := autoscalerMetrics(autoscaling)
	if err != nil {
		return nil, loop.Stalled(v1alpha1.InvalidSpecReason, err)
	}
	spec := autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{
			APIVersion: v1alpha1.GroupVersion.String(),
			Kind:       kind,
			Name:       server.Name,
		},
		MinReplicas: ptr.To(autoscaling.MinReplicas),
		MaxReplicas: autoscaling.MaxReplicas,
		Metrics:     metrics,
		Behavior:    behavior,
	}
	document, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode the autoscaler of %s: %w", server.Name, err)
	}
	sum := sha256.Sum256(document)
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{
			Name:            server.Name,
			Namespace:       server.Namespace,
			Labels:          ownLabels(server),
			Annotations:     map[string]string{specHashAnnotation: hex.EncodeToString(sum[:8])},
			OwnerReferences: ownedBy(server),
		},
		Spec: spec,
	}, nil
}

// autoscalerDiffers tells whether an autoscaler has to be written. The API server's
// defaults are no difference.
func autoscalerDiffers(desired, existing *autoscalingv2.HorizontalPodAutoscaler) bool {
	return desired.Annotations[specHashAnnotation] != existing.Annotations[specHashAnnotation] ||
		len(desired.Spec.Metrics) != len(existing.Spec.Metrics) ||
		desired.Spec.Behavior == nil && hasRules(existing.Spec.Behavior) ||
		!equality.Semantic.DeepDerivative(desired.Spec, existing.Spec)
}

func hasRules(behavior *autoscalingv2.HorizontalPodAutoscalerBehavior) bool {
	return behavior != nil && (behavior.ScaleUp != nil || behavior.ScaleDown != nil)
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
	if err := children.Patch(ctx, r.client, existing, updated); err != nil {
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
