// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

func TestAutoscalerMetrics(t *testing.T) {
	target := func(kind autoscalingv2.MetricTargetType, amount v1alpha1.Quantity) v1alpha1.MetricTarget {
		if kind == autoscalingv2.ValueMetricType {
			return v1alpha1.MetricTarget{Type: kind, Value: &amount}
		}
		return v1alpha1.MetricTarget{Type: kind, AverageValue: &amount}
	}
	queue := v1alpha1.MetricIdentifier{Name: "queue_length", Selector: &v1alpha1.MetricSelector{MatchLabels: map[string]string{"queue": "pets"}}}
	asked := &v1alpha1.Autoscaling{
		TargetCPUUtilizationPercentage:    ptr.To[int32](0),
		TargetMemoryUtilizationPercentage: ptr.To[int32](80),
		Metrics: []v1alpha1.AutoscalerMetric{
			{Type: autoscalingv2.PodsMetricSourceType, Pods: &v1alpha1.PodsMetricSource{Metric: v1alpha1.MetricIdentifier{Name: "requests"}, Target: v1alpha1.PodsMetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: ptr.To[v1alpha1.Quantity]("100m")}}},
			{Type: autoscalingv2.ObjectMetricSourceType, Object: &v1alpha1.ObjectMetricSource{
				DescribedObject: v1alpha1.DescribedObject{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "pets"},
				Metric:          v1alpha1.MetricIdentifier{Name: "hits"}, Target: target(autoscalingv2.ValueMetricType, "50"),
			}},
			{Type: autoscalingv2.ExternalMetricSourceType, External: &v1alpha1.MetricSource{Metric: queue, Target: target(autoscalingv2.AverageValueMetricType, "30")}},
		},
	}
	got, err := autoscalerMetrics(asked)
	if err != nil {
		t.Fatal(err)
	}
	want := []autoscalingv2.MetricSpec{
		{Type: "ContainerResource", ContainerResource: &autoscalingv2.ContainerResourceMetricSource{
			Name: "memory", Container: "server", Target: autoscalingv2.MetricTarget{Type: "Utilization", AverageUtilization: ptr.To[int32](80)},
		}},
		{Type: "Pods", Pods: &autoscalingv2.PodsMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: "requests"}, Target: autoscalingv2.MetricTarget{Type: "AverageValue", AverageValue: ptr.To(resource.MustParse("100m"))},
		}},
		{Type: "Object", Object: &autoscalingv2.ObjectMetricSource{
			DescribedObject: autoscalingv2.CrossVersionObjectReference{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "pets"},
			Metric:          autoscalingv2.MetricIdentifier{Name: "hits"}, Target: autoscalingv2.MetricTarget{Type: "Value", Value: ptr.To(resource.MustParse("50"))},
		}},
		{Type: "External", External: &autoscalingv2.ExternalMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: "queue_length", Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"queue": "pets"}}},
			Target: autoscalingv2.MetricTarget{Type: "AverageValue", AverageValue: ptr.To(resource.MustParse("30"))},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	got[3].External.Metric.Selector.MatchLabels["queue"] = "cats"
	if asked.Metrics[2].External.Metric.Selector.MatchLabels["queue"] != "pets" {
		t.Error("the labels are the server's own")
	}
	asked.Metrics[0].Pods.Target.AverageValue = ptr.To[v1alpha1.Quantity]("much")
	_, err = autoscalerMetrics(asked)
	if err == nil || !strings.HasPrefix(err.Error(), `spec.autoscaling.metrics[0].pods.target.averageValue: "much" is not a quantity`) {
		t.Errorf("error = %v, want one that names the field", err)
	}
}
