// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// podsOf returns the pods of a revision.
func (s servers) podsOf(ctx context.Context, revision string) []corev1.Pod {
	GinkgoHelper()
	pods := &corev1.PodList{}
	Expect(k8s.List(ctx, pods, client.InNamespace(s.namespace), client.MatchingLabels{v1alpha1.RevisionLabel: revision})).To(Succeed())
	return pods.Items
}

// changePod changes a pod's status, as its kubelet or the node controller would.
func changePod(ctx context.Context, pod *corev1.Pod, change func(*corev1.PodStatus)) {
	GinkgoHelper()
	Eventually(func() error {
		if err := k8s.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
			return err
		}
		change(&pod.Status)
		return k8s.Status().Update(ctx, pod)
	}).Should(Succeed())
}

var _ = Describe("ModelServer in bad weather", func() {
	var (
		cluster *fakeCluster
		pets    servers
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
	})
	serving := func(ctx context.Context) *v1alpha1.ModelServer {
		GinkgoHelper()
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		return pets.reaches(ctx, v1alpha1.ServingReason)
	}
	baking := func(ctx context.Context) *v1alpha1.ModelServer {
		GinkgoHelper()
		serving(ctx)
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		return pets.reaches(ctx, v1alpha1.BakingReason)
	}
	bakes := func(ctx context.Context) map[string]*batchv1.Job {
		GinkgoHelper()
		jobs := &batchv1.JobList{}
		Expect(k8s.List(ctx, jobs, client.InNamespace(pets.namespace))).To(Succeed())
		byURL := map[string]*batchv1.Job{}
		for i := range jobs.Items {
			if url := jobs.Items[i].Annotations[v1alpha1.TestURLAnnotation]; url != "" {
				byURL[url] = &jobs.Items[i]
			}
		}
		return byURL
	}

	It("bakes anew at the Service's new port", func(ctx SpecContext) {
		server := baking(ctx)
		Eventually(func() map[string]*batchv1.Job { return bakes(ctx) }).Should(HaveKey(server.Status.URL))
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Service.Port = 8080 })
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(ContainSubstring("it asked " + server.Status.URL))
		clk.Step(10 * time.Second)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Replicas = ptr.To[int32](1) })
		moved := server.Status.URL + ":8080"
		Eventually(func() map[string]*batchv1.Job { return bakes(ctx) }).Should(HaveKey(moved))
		cluster.model(digestOf("2"), behavesWell)
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Model.TrainingRun).To(Equal("run-2"))
		Expect(server.Status.Rejected).To(BeEmpty())
	})

	It("gives the traffic back while live's node is lost, holds nothing against it and tries again", func(ctx SpecContext) {
		server := baking(ctx)
		first, second := server.Status.Fallback.Revision, server.Status.Live.Revision
		pod := &pets.podsOf(ctx, second)[0]
		longAgo := metav1.NewTime(clk.Now().Add(-time.Hour)) // by another clock
		changePod(ctx, pod, func(status *corev1.PodStatus) {
			status.Conditions[0].Status, status.Conditions[0].LastTransitionTime = corev1.ConditionFalse, longAgo
			status.Conditions = append(status.Conditions, corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionTrue})
		})
		pets.reaches(ctx, v1alpha1.NodeNotReadyReason)
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(HavePrefix("0 of 1 replicas"))
		clk.Step(30 * time.Second)
		cluster.model(digestOf("2"), behavesWell)
		changePod(ctx, &pets.podsOf(ctx, first)[0], func(status *corev1.PodStatus) { status.Message = "something happens" })
		Eventually(func() string { return pets.get(ctx).Status.Live.Revision }).Should(Equal(first))
		server = pets.get(ctx)
		Expect(server.Status.Rejected).To(BeEmpty())
		Expect(server.Status.History[0].Reason).To(Equal(v1alpha1.UnavailableReason))

		By("having the node back")
		changePod(ctx, pod, func(status *corev1.PodStatus) { status.Conditions[0].Status = corev1.ConditionTrue })
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(ContainSubstring("gets the traffic again at"))
		clk.Step(time.Minute)
		changePod(ctx, pod, func(status *corev1.PodStatus) { status.Message = "something happens" })
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision).To(Equal(second))
	})

	It("takes back a model whose server ended by itself, not one that was killed", func(ctx SpecContext) {
		server := baking(ctx)
		second := server.Status.Live.Revision
		ends := func(code int32, reason, id string) {
			GinkgoHelper()
			changePod(ctx, &pets.podsOf(ctx, second)[0], func(status *corev1.PodStatus) {
				status.ContainerStatuses = []corev1.ContainerStatus{{Name: contract.ServerContainer, State: corev1.ContainerState{
					Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, ContainerID: id, FinishedAt: metav1.NewTime(clk.Now().Add(-time.Hour))},
				}}}
			})
		}
		ends(137, "Error", "containerd://1")
		Consistently(func() string { return pets.get(ctx).Status.Live.Revision }).Should(Equal(second))
		ends(2, "Error", "containerd://2")
		server = pets.reaches(ctx, v1alpha1.BakeFailedReason)
		Expect(server.Status.Rejected[0].Message).To(ContainSubstring("exit code 2"))
	})

	It("is Ready while it serves what it was asked for, though the run is gone", func(ctx SpecContext) {
		serving(ctx)
		run := &v1alpha1.TrainingRun{ObjectMeta: metav1.ObjectMeta{Name: "run-1", Namespace: pets.namespace}}
		Expect(k8s.Delete(ctx, run)).To(Succeed())
		isReady := func(g Gomega) {
			server := pets.get(ctx)
			g.Expect(condition(server, v1alpha1.ModelResolvedCondition)).To(Equal("False/TrainingRunNotFound"))
			g.Expect(condition(server, v1alpha1.ReadyCondition)).To(Equal("True/Serving"))
			g.Expect(condition(server, v1alpha1.ReconcilingCondition)).To(BeEmpty())
			g.Expect(server.Status.ObservedGeneration).To(Equal(server.Generation))
		}
		Eventually(isReady).Should(Succeed())
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Replicas = ptr.To[int32](2) })
		Eventually(isReady).Should(Succeed())

		By("asking for something that the run's model would have to be resolved for")
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Server.MaxBatch = 3 })
		pets.reaches(ctx, v1alpha1.TrainingRunNotFoundReason)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Server.MaxBatch = 16 })
		Eventually(isReady).Should(Succeed())
	})

	It("is Ready while it is scaled up, and not while it has less than before", func(ctx SpecContext) {
		live := serving(ctx).Status.Live.Revision
		cluster.model(digestOf("1"), neverReady)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Replicas = ptr.To[int32](4) })
		Eventually(func() int { return len(pets.podsOf(ctx, live)) }).Should(Equal(4))
		Consistently(func() string { return condition(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(Equal("True/Serving"))
		Expect(condition(pets.get(ctx), v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
		ready := func(status corev1.ConditionStatus) {
			GinkgoHelper()
			for _, pod := range pets.podsOf(ctx, live) {
				changePod(ctx, &pod, func(s *corev1.PodStatus) { s.Conditions[0].Status = status })
			}
		}
		ready(corev1.ConditionTrue)
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(ContainSubstring("4 of 4"))
		changePod(ctx, &pets.podsOf(ctx, live)[0], func(s *corev1.PodStatus) { s.Conditions[0].Status = corev1.ConditionFalse })
		changePod(ctx, &pets.podsOf(ctx, live)[1], func(s *corev1.PodStatus) { s.Conditions[0].Status = corev1.ConditionFalse })
		pets.reaches(ctx, v1alpha1.UnavailableReason)
		ready(corev1.ConditionTrue)
		pets.reaches(ctx, v1alpha1.ServingReason)
	})
})
