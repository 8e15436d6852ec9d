// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// specHashAnnotation tells an autoscaler that was made from this spec from one whose
// fields the API server has only filled with defaults.
const specHashAnnotation = "trainyard.dev/spec-hash"

// desiredAutoscaler builds the HorizontalPodAutoscaler of a server, which must have
// spec.autoscaling. It scales the ModelServer, not a Deployment: so it outlives
// revisions, and the Deployments' replicas have one writer. It looks at the server's
// container only, so that an injected sidecar doesn't count.
func desiredAutoscaler(server *v1alpha1.ModelServer) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	autoscaling := server.Spec.Autoscaling
	behavior, err := coreBehavior(autoscaling.Behavior)
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
		Metrics: []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ContainerResourceMetricSourceType,
			ContainerResource: &autoscalingv2.ContainerResourceMetricSource{
				Name:      corev1.ResourceCPU,
				Container: contract.ServerContainer,
				Target: autoscalingv2.MetricTarget{
					Type:               autoscalingv2.UtilizationMetricType,
					AverageUtilization: ptr.To(autoscaling.TargetCPUUtilizationPercentage),
				},
			},
		}},
		Behavior: behavior,
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
