// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// A server that the real autoscaler scales by what the real metrics-server measures, and that drains take pods from. The load takes
// all that two cores have, for two minutes, so those specs run by make test-autoscaling alone.
var _ = Describe("A model with replicas", Ordered, func() {
	const (
		serverName   = "pets"
		least, most  = 2, 4
		requestedCPU = "100m"
	)
	var (
		namespace string
		s         *v1alpha1.ModelServer
	)

	BeforeAll(func(ctx SpecContext) {
		namespace = makeNamespace(ctx, "scaled")
		run := goodRun(namespace, "pets")
		run.Spec.Dataset.Generated.SamplesPerClass = 40
		run.Spec.Training.Epochs = 2
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		eventuallyComplete(ctx, run)
		s = server(namespace, serverName, "")
		s.Spec.Model = v1alpha1.ServedModel{Source: sourceOf(run)}
		s.Spec.PodTemplate.Resources.Requests = v1alpha1.ResourceList{corev1.ResourceCPU: requestedCPU}
		s.Spec.Autoscaling = &v1alpha1.Autoscaling{
			MinReplicas: least, MaxReplicas: most, TargetCPUUtilizationPercentage: ptr.To[int32](60),
			Behavior: &v1alpha1.AutoscalerBehavior{ScaleDown: &v1alpha1.ScalingRules{StabilizationWindowSeconds: ptr.To[int32](15)}},
		}
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)
		prober := proberPod(namespace, serverName)
		prober.Spec.Containers[0].Args = []string{"--url=http://" + serverName, "--interval=100ms"} // few requests: they are no load
		startProberPod(ctx, prober)
	})
	eventuallyReplicas := func(ctx context.Context, want int) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Spec.Replicas).To(HaveValue(BeEquivalentTo(want)))
			g.Expect(s.Status.ReadyReplicas).To(HaveValue(BeEquivalentTo(want)))
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
	}

	It("is measured", Label(autoscalingLabel), func(ctx SpecContext) {
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(reasonOf(s.Status.Conditions, v1alpha1.ScalingActiveCondition)).To(Equal(v1alpha1.MetricsAvailableReason), "%+v", s.Status.Conditions)
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		Expect(s.Status.ReadyReplicas).To(HaveValue(BeEquivalentTo(least)))
	})

	It("loses one replica at a time to a drain", func(ctx SpecContext) {
		pods := podsOfRevision(ctx, namespace, s.Status.Live.Revision)
		Expect(pods).To(HaveLen(least))
		eventuallyDisruptionAllowed(ctx, namespace, s.Status.Live.Revision)
		Expect(evict(ctx, &pods[0])).To(Succeed())
		Expect(apierrors.IsTooManyRequests(evict(ctx, &pods[1]))).To(BeTrue(), "both replicas may be evicted at once")
		eventuallyDisruptionAllowed(ctx, namespace, s.Status.Live.Revision) // another has taken its place
		Expect(evict(ctx, &pods[1])).To(Succeed())
		eventuallyServing(ctx, s)
		expectNoFailure(ctx, namespace)
	})

	It("holds up no drain with a candidate that doesn't start", func(ctx SpecContext) {
		live := s.Status.Live.Revision
		update(ctx, s, func() { s.Spec.Image = proberImage }) // ends at once, for it gets none of its flags
		var candidate string
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Status.Candidate).NotTo(BeNil())
			candidate = s.Status.Candidate.Revision
			broken := podsOfRevision(ctx, namespace, candidate)
			g.Expect(broken).To(HaveLen(least))
			for i := range broken {
				g.Expect(broken[i].Status.Phase).To(Equal(corev1.PodRunning))
			}
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		for _, pod := range podsOfRevision(ctx, namespace, candidate) {
			Expect(evict(ctx, &pod)).To(Succeed(), "a broken candidate holds up the drain of its own pods")
		}
		eventuallyDisruptionAllowed(ctx, namespace, live)
		Expect(evict(ctx, &podsOfRevision(ctx, namespace, live)[0])).To(Succeed(), "a broken candidate holds up the drain of live's pods")
		update(ctx, s, func() { s.Spec.Image = "" })
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Revision).To(Equal(live))
		eventuallyReplicas(ctx, least)
		expectNoFailure(ctx, namespace)
	})

	It("grows under load, is replaced meanwhile, and shrinks afterwards", Label(autoscalingLabel), func(ctx SpecContext) {
		load := proberPod(namespace, serverName)
		load.Name = "load"
		load.Spec.Containers[0].Args = []string{"--url=http://" + serverName, "--interval=1ms"}
		started := time.Now()
		Expect(k8sClient.Create(ctx, load)).To(Succeed())
		eventuallyReplicas(ctx, most)
		grown := time.Since(started)

		By("rolling out another revision under load")
		before := s.Status.Live.Revision
		update(ctx, s, func() { s.Spec.Server.MaxBatch = 8 })
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Revision).NotTo(Equal(before))
		eventuallyReplicas(ctx, most) // it is measured anew
		report, err := probedBy(ctx, namespace, load.Name)
		Expect(err).NotTo(HaveOccurred())
		for _, stats := range []struct{ failed, requests int }{
			{report.Fresh.Failed, report.Fresh.Requests}, {report.Pooled.Failed, report.Pooled.Requests},
		} {
			Expect(stats.requests).To(BeNumerically(">", 0))
			Expect(stats.failed).To(BeZero(), "the load: %+v, %+v", report.Fresh.Failures, report.Pooled.Failures)
		}

		By("ending the load")
		started = time.Now()
		Expect(k8sClient.Delete(ctx, load)).To(Succeed())
		eventuallyReplicas(ctx, least)
		AddReportEntry("autoscaling", fmt.Sprintf("%d → %d replicas %.0f s after the load began, → %d %.0f s after it ended; the load sent %d requests, 0 failed",
			least, most, grown.Seconds(), least, time.Since(started).Seconds(), report.Fresh.Requests+report.Pooled.Requests))
		eventuallyServing(ctx, s)
		var scalers autoscalingv2.HorizontalPodAutoscalerList
		Expect(k8sClient.List(ctx, &scalers, client.InNamespace(namespace))).To(Succeed())
		Expect(scalers.Items).To(HaveLen(1))
		expectNoFailure(ctx, namespace)
	})
})

// podsOfRevision returns the pods of a revision that nobody has deleted.
func podsOfRevision(ctx context.Context, namespace, revision string) []corev1.Pod {
	GinkgoHelper()
	var list corev1.PodList
	Expect(k8sClient.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.RevisionLabel: revision})).To(Succeed())
	var pods []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			pods = append(pods, pod)
		}
	}
	return pods
}

// evict does what kubectl drain does with a pod.
func evict(ctx context.Context, pod *corev1.Pod) error {
	return clientset.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}})
}

// eventuallyDisruptionAllowed waits until a drain may have a pod of a revision.
func eventuallyDisruptionAllowed(ctx context.Context, namespace, revision string) {
	GinkgoHelper()
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: revision}}
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, budget)).To(Succeed())
		g.Expect(budget.Status.ObservedGeneration).To(Equal(budget.Generation))
		g.Expect(budget.Status.DisruptionsAllowed).To(BeEquivalentTo(1), "%+v", budget.Status)
	}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
}
