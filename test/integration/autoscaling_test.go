// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// autoscaler waits until the server's autoscaler is there and returns it.
func (s servers) autoscaler(ctx context.Context) *autoscalingv2.HorizontalPodAutoscaler {
	GinkgoHelper()
	autoscaler := &autoscalingv2.HorizontalPodAutoscaler{}
	Eventually(func() error {
		return k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "pets"}, autoscaler)
	}).Should(Succeed())
	return autoscaler
}

// report has the autoscaler's controller report whether it scales.
func (s servers) report(ctx context.Context, status corev1.ConditionStatus, reason, message string) {
	GinkgoHelper()
	autoscaler := s.autoscaler(ctx)
	before := client.MergeFrom(autoscaler.DeepCopy())
	autoscaler.Status.Conditions = []autoscalingv2.HorizontalPodAutoscalerCondition{{
		Type: autoscalingv2.ScalingActive, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(clk.Now()),
	}}
	Expect(k8s.Status().Patch(ctx, autoscaler, before)).To(Succeed())
}

// record returns the record on the Service.
func (s servers) record(ctx context.Context) *rollout.Record {
	GinkgoHelper()
	service := &corev1.Service{}
	Expect(k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "pets"}, service)).To(Succeed())
	record, err := rollout.DecodeRecord(service.Annotations[v1alpha1.RolloutAnnotation])
	Expect(err).NotTo(HaveOccurred())
	return record
}

var _ = Describe("ModelServer, autoscaled", func() {
	var (
		cluster *fakeCluster
		pets    servers
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
	})
	serving := func(ctx context.Context, change func(*v1alpha1.Autoscaling)) {
		GinkgoHelper()
		server := wrappers.MakeModelServer("pets", pets.namespace, "run-1").Autoscaling(2, 5).Obj()
		change(server.Spec.Autoscaling)
		Expect(k8s.Create(ctx, server)).To(Succeed())
		pets.reaches(ctx, v1alpha1.ServingReason)
	}
	replicas := func(ctx context.Context, revision string) int32 { return *pets.deployment(ctx, revision).Spec.Replicas }

	It("passes memory and other metrics through", func(ctx SpecContext) {
		serving(ctx, func(a *v1alpha1.Autoscaling) {
			a.TargetMemoryUtilizationPercentage = ptr.To[int32](80)
			a.Metrics = []v1alpha1.AutoscalerMetric{
				{Type: autoscalingv2.PodsMetricSourceType, Pods: &v1alpha1.PodsMetricSource{
					Metric: v1alpha1.MetricIdentifier{Name: "requests_per_second", Selector: &v1alpha1.MetricSelector{MatchLabels: map[string]string{"code": "200"}}},
					Target: v1alpha1.PodsMetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: ptr.To[v1alpha1.Quantity]("50")},
				}},
				{Type: autoscalingv2.ObjectMetricSourceType, Object: &v1alpha1.ObjectMetricSource{
					DescribedObject: v1alpha1.DescribedObject{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "pets"},
					Metric:          v1alpha1.MetricIdentifier{Name: "hits"},
					Target:          v1alpha1.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: ptr.To[v1alpha1.Quantity]("2k")},
				}},
				{Type: autoscalingv2.ExternalMetricSourceType, External: &v1alpha1.MetricSource{
					Metric: v1alpha1.MetricIdentifier{Name: "queue_length"},
					Target: v1alpha1.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: ptr.To[v1alpha1.Quantity]("30")},
				}},
			}
		})
		metrics := pets.autoscaler(ctx).Spec.Metrics
		Expect(metrics).To(HaveLen(5))
		Expect(metrics[0].ContainerResource.Name).To(Equal(corev1.ResourceCPU))
		Expect(metrics[1].ContainerResource.Name).To(Equal(corev1.ResourceMemory))
		Expect(metrics[2].Pods.Target.AverageValue.String()).To(Equal("50"))
		Expect(metrics[2].Pods.Metric.Selector.MatchLabels).To(HaveKeyWithValue("code", "200"))
		Expect(metrics[3].Object.DescribedObject.Kind).To(Equal("Ingress"))
		Expect(metrics[4].External.Metric.Name).To(Equal("queue_length"))
		pets.staysAsItIs(ctx)

		By("leaving CPU out")
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.Autoscaling.TargetCPUUtilizationPercentage = ptr.To[int32](0)
			server.Spec.Autoscaling.Metrics = nil
		})
		Eventually(func(g Gomega) {
			metrics := pets.autoscaler(ctx).Spec.Metrics
			g.Expect(metrics).To(HaveLen(1))
			g.Expect(metrics[0].ContainerResource.Name).To(Equal(corev1.ResourceMemory))
		}).Should(Succeed())
		Expect(repairs(ctx, pets.namespace)).To(BeEmpty())
	})

	It("warns when metrics are missing for long, not when they are late", func(ctx SpecContext) {
		scaling := func(ctx context.Context) string { return condition(pets.get(ctx), v1alpha1.ScalingActiveCondition) }
		serving(ctx, func(*v1alpha1.Autoscaling) {})
		pets.report(ctx, corev1.ConditionFalse, "FailedGetContainerResourceMetric", "no metrics returned from resource metrics API")
		Eventually(func(g Gomega) {
			g.Expect(scaling(ctx)).To(Equal("Unknown/MetricsPending"))
			g.Expect(message(pets.get(ctx), v1alpha1.ScalingActiveCondition)).To(ContainSubstring("no metrics returned"))
		}).Should(Succeed())
		Expect(message(pets.get(ctx), v1alpha1.ReadyCondition)).NotTo(ContainSubstring("no metrics returned"))

		clk.Step(2 * time.Minute)
		pets.report(ctx, corev1.ConditionFalse, "FailedGetContainerResourceMetric", "still no metrics")
		Eventually(scaling).WithContext(ctx).Should(Equal("False/MetricsUnavailable"))
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(ContainSubstring("still no metrics; check that metrics-server runs"))
		pets.reaches(ctx, v1alpha1.ServingReason)
		Eventually(pets.eventReasons).WithContext(ctx).Should(ContainElement("MetricsUnavailable"))

		pets.report(ctx, corev1.ConditionTrue, "ValidMetricFound", "the HPA was able to successfully calculate a replica count from cpu container resource utilization")
		Eventually(scaling).WithContext(ctx).Should(Equal("True/MetricsAvailable"))
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).ShouldNot(ContainSubstring("metrics"))
		pets.staysAsItIs(ctx)

		By("having another autoscaler beside it")
		pets.report(ctx, corev1.ConditionFalse, "AmbiguousSelector", "pods by selector are controlled by more than one HPA")
		Eventually(scaling).WithContext(ctx).Should(Equal("False/AutoscalerConflict"))

		By("turning autoscaling off")
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Autoscaling = nil })
		Eventually(scaling).WithContext(ctx).Should(BeEmpty())
	})

	It("takes another minReplicas in the middle of a rollout", func(ctx SpecContext) {
		serving(ctx, func(*v1alpha1.Autoscaling) {})
		first := pets.get(ctx).Status.Live.Revision
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		tested := pets.test(ctx, second, "smoke")

		By("raising it while the candidate is tested: what serves follows, what is tested stays")
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Autoscaling.MinReplicas = 4 })
		Eventually(replicas).WithContext(ctx).WithArguments(first).Should(BeEquivalentTo(4))
		Eventually(func() int32 { return *pets.autoscaler(ctx).Spec.MinReplicas }).Should(BeEquivalentTo(4))
		pets.reaches(ctx, v1alpha1.SmokingReason)
		Expect(replicas(ctx, second)).To(BeEquivalentTo(2))
		Expect(pets.test(ctx, second, "smoke").UID).To(Equal(tested.UID))

		By("ending the test: the candidate takes over at the new size, each of its pods tested")
		cluster.model(digestOf("2"), bakesForEver)
		server := pets.reaches(ctx, v1alpha1.BakingReason)
		Expect(server.Status.Live.Revision).To(Equal(second))
		Expect(pets.record(ctx).Available).To(BeEquivalentTo(4))
		Expect(replicas(ctx, second)).To(BeEquivalentTo(4))
		Expect(replicas(ctx, first)).To(BeEquivalentTo(4))

		By("lowering it during the bake")
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Autoscaling.MinReplicas = 1 })
		for _, revision := range []string{first, second} {
			Eventually(replicas).WithContext(ctx).WithArguments(revision).Should(BeEquivalentTo(1))
		}
		server = pets.reaches(ctx, v1alpha1.BakingReason)
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
		cluster.model(digestOf("2"), behavesWell)
		pets.reaches(ctx, v1alpha1.ServingReason)
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(second))
		Expect(cluster.selections()).To(Equal([]string{first, second}))
		Expect(repairs(ctx, pets.namespace)).To(BeEmpty())
	})
})
