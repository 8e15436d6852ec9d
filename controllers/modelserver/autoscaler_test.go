// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestDesiredAutoscaler(t *testing.T) {
	server := makeServer().Autoscaling(2, 6).Obj()
	got, err := desiredAutoscaler(server)
	if err != nil {
		t.Fatal(err)
	}
	if got.Spec.ScaleTargetRef.Kind != "ModelServer" || *got.Spec.MinReplicas != 2 || got.Spec.MaxReplicas != 6 {
		t.Errorf("spec = %+v", got.Spec)
	}
	metric := got.Spec.Metrics[0].ContainerResource
	if metric.Container != "server" || metric.Name != corev1.ResourceCPU || *metric.Target.AverageUtilization != 70 {
		t.Errorf("metric = %+v", metric)
	}
	existing := got.DeepCopy()
	existing.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{} // a default of the API server's
	if autoscalerDiffers(got, existing) {
		t.Error("a default counts as a difference")
	}
	for what, edit := range map[string]func(*autoscalingv2.HorizontalPodAutoscalerSpec){
		"another maximum": func(spec *autoscalingv2.HorizontalPodAutoscalerSpec) { spec.MaxReplicas = 7 },
		"one metric more": func(spec *autoscalingv2.HorizontalPodAutoscalerSpec) {
			spec.Metrics = append(spec.Metrics, spec.Metrics[0])
		},
		"a rule": func(spec *autoscalingv2.HorizontalPodAutoscalerSpec) {
			spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &autoscalingv2.HPAScalingRules{}}
		},
	} {
		edited := existing.DeepCopy()
		edit(&edited.Spec)
		if !autoscalerDiffers(got, edited) {
			t.Errorf("%s counts as no difference", what)
		}
	}
	withBehavior := server.DeepCopy()
	withBehavior.Spec.Autoscaling.Behavior = &v1alpha1.AutoscalerBehavior{ScaleDown: &v1alpha1.ScalingRules{StabilizationWindowSeconds: ptr.To[int32](60)}}
	before, err := desiredAutoscaler(withBehavior)
	if err != nil {
		t.Fatal(err)
	}
	if !autoscalerDiffers(got, before) {
		t.Error("a behavior that was taken back counts as no difference")
	}
}
