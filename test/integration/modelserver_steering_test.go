// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// annotate sets an annotation of the server, as kubectl annotate --overwrite does, or removes it.
func (s servers) annotate(ctx context.Context, key, value string) {
	GinkgoHelper()
	s.update(ctx, func(server *v1alpha1.ModelServer) {
		if value == "" {
			delete(server.Annotations, key)
			return
		}
		metav1.SetMetaDataAnnotation(&server.ObjectMeta, key, value)
	})
}

// serving creates the server and returns the revision that it serves.
func (s servers) serving(ctx context.Context) (revision string) {
	GinkgoHelper()
	Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", s.namespace, "run-1").Obj())).To(Succeed())
	return s.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
}

// eventReasons returns the reasons of the namespace's events.
func (s servers) eventReasons(ctx context.Context) []string {
	GinkgoHelper()
	list := &eventsv1.EventList{}
	Expect(k8s.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
	var reasons []string
	for i := range list.Items {
		reasons = append(reasons, list.Items[i].Reason)
	}
	return reasons
}

var _ = Describe("ModelServer, steered by a person", func() {
	var (
		cluster *fakeCluster
		pets    servers
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
	})
	manual := func(server *v1alpha1.ModelServer) {
		server.Spec.Promotion.Mode = v1alpha1.ManualPromotion
		server.Spec.Model.TrainingRunRef.Name = "run-2"
	}

	It("waits for a person's approval", func(ctx SpecContext) {
		first := pets.serving(ctx)
		pets.update(ctx, manual)
		server := pets.reaches(ctx, v1alpha1.AwaitingPromotionReason)
		second := server.Status.Candidate.Revision
		Expect(condition(server, v1alpha1.ReconcilingCondition)).To(Equal("True/AwaitingPromotion"))
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
		Expect(server.Status.Candidate.Stage).To(Equal(v1alpha1.CandidateAwaitingPromotion))
		Consistently(cluster.selections, "500ms").Should(Equal([]string{first}))

		By("approving another")
		pets.annotate(ctx, v1alpha1.PromoteAnnotation, "pets-00000000")
		Eventually(func() string { return condition(pets.get(ctx), v1alpha1.RequestRefusedCondition) }).Should(Equal("True/PromotionRefused"))
		Eventually(pets.eventReasons).WithContext(ctx).Should(ContainElement("PromotionRefused"))
		Consistently(cluster.selections, "500ms").Should(Equal([]string{first}))

		By("approving it")
		pets.annotate(ctx, v1alpha1.PromoteAnnotation, second)
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Revision).To(Equal(second))
		Expect(condition(server, v1alpha1.RequestRefusedCondition)).To(BeEmpty())
		Expect(cluster.selections()).To(Equal([]string{first, second}))
	})

	It("promotes what waits when the mode becomes Automatic, without another test", func(ctx SpecContext) {
		pets.serving(ctx)
		pets.update(ctx, manual)
		second := pets.reaches(ctx, v1alpha1.AwaitingPromotionReason).Status.Candidate.Revision
		cluster.model(digestOf("2"), failsSmoke)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Promotion.Mode = v1alpha1.AutomaticPromotion })
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision).To(Equal(second))
	})

	It("takes a candidate back that a person rejects", func(ctx SpecContext) {
		first := pets.serving(ctx)
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		pets.annotate(ctx, v1alpha1.RejectAnnotation, second)
		server := pets.reaches(ctx, v1alpha1.AbortedReason)
		Expect(condition(server, v1alpha1.StalledCondition)).To(Equal("True/Aborted"))
		Expect(condition(server, v1alpha1.RolledBackCondition)).To(Equal("True/Aborted"))
		Expect(server.Status.Rejected).To(ConsistOf(And(HaveField("Revision", second), HaveField("Reason", "Aborted"))))
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
		Expect(cluster.selections()).To(Equal([]string{first}))
	})

	It("stops where it is while it is paused, and goes on", func(ctx SpecContext) {
		first := pets.serving(ctx)
		pause := func(paused bool) {
			pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Rollout.Paused = &paused })
		}
		pause(true)
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.PausedReason)
		Expect(condition(server, v1alpha1.ReconcilingCondition)).To(Equal("True/Paused"))
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
		Consistently(pets.deployments, "500ms").WithContext(ctx).Should(ConsistOf(first))

		By("repairing what is live")
		Expect(k8s.Delete(ctx, pets.deployment(ctx, first))).To(Succeed())
		Eventually(pets.eventReasons).WithContext(ctx).Should(ContainElement("RolloutRepaired"))
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
		Expect(cluster.selections()).To(Equal([]string{first}))

		pause(false)
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Model.TrainingRun).To(Equal("run-2"))
	})

	It("tries a rejected revision again when spec.retry changes", func(ctx SpecContext) {
		pets.serving(ctx)
		cluster.model(digestOf("2"), failsSmoke)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.SmokeFailedReason).Status.Rejected[0].Revision
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Retry = "1" })
		Eventually(func() string { return condition(pets.get(ctx), v1alpha1.RolledBackCondition) }).Should(BeEmpty())
		pets.reaches(ctx, v1alpha1.SmokeFailedReason)
		cluster.model(digestOf("2"), behavesWell)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Retry = "2" })
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Revision).To(Equal(second))
		Expect(server.Status.Rejected).To(BeEmpty())
	})

	It("tries a candidate again later that didn't start within spec.rollout.progressDeadline, or at once when a person says so", func(ctx SpecContext) {
		first := pets.serving(ctx)
		cluster.model(digestOf("2"), neverReady)
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.Model.TrainingRunRef.Name = "run-2"
			server.Spec.Rollout.ProgressDeadline = "1m"
		})
		second := pets.reaches(ctx, v1alpha1.StartingReason).Status.Candidate.Revision
		startsInVain := func(deadline time.Duration) {
			GinkgoHelper()
			Eventually(func(g Gomega) {
				g.Expect(pets.record(ctx).Starting).NotTo(BeNil(), "its time has yet to begin")
				pods := pets.podsOf(ctx, second)
				g.Expect(pods).To(HaveLen(1))
				g.Expect(pods[0].Status.Conditions).NotTo(BeEmpty(), "its kubelet has yet to have its say")
			}).Should(Succeed())
			clk.Step(deadline)
			changePod(ctx, &pets.podsOf(ctx, second)[0], func(status *corev1.PodStatus) { status.Message = "something happens" })
			server := pets.reaches(ctx, v1alpha1.ProgressDeadlineExceededReason)
			Expect(condition(server, v1alpha1.ReconcilingCondition)).To(Equal("True/ProgressDeadlineExceeded"))
			Expect(server.Status.Rejected).To(BeEmpty())
			Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
		}
		startsInVain(time.Minute)

		By("being 10 minutes later")
		clk.Step(10 * time.Minute)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Rollout.ProgressDeadline = "2m" })
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first, second))
		startsInVain(2 * time.Minute)
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(ContainSubstring("2 times so far"))
		Expect(cluster.selections()).To(Equal([]string{first}))

		By("being asked to")
		cluster.model(digestOf("2"), behavesWell)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Retry = "1" })
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision).To(Equal(second))
	})

	It("gives the traffic back when a person rejects live during its bake", func(ctx SpecContext) {
		first := pets.serving(ctx)
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.BakingReason).Status.Live.Revision
		pets.annotate(ctx, v1alpha1.RejectAnnotation, first)
		Eventually(func() string { return condition(pets.get(ctx), v1alpha1.RequestRefusedCondition) }).Should(Equal("True/RejectionRefused"))
		pets.annotate(ctx, v1alpha1.RejectAnnotation, second)
		server := pets.reaches(ctx, v1alpha1.AbortedReason)
		Expect(server.Status.Live.Revision).To(Equal(first))
		Expect(server.Status.History[0].Reason).To(Equal("Aborted"))
		Expect(server.Status.History[0].MovedBy).To(HavePrefix("trainyard.dev/reject, written by "))
		Expect(server.Status.History[1].MovedBy).To(HavePrefix("spec, written by "))
		Expect(condition(server, v1alpha1.RequestRefusedCondition)).To(BeEmpty())
		Expect(cluster.selections()).To(Equal([]string{first, second, first}))

		By("leaving the annotation where it is, and writing nothing more")
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
		version := pets.get(ctx).ResourceVersion
		Consistently(func() string { return pets.get(ctx).ResourceVersion }, time.Second).Should(Equal(version))
	})
})
