// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// templates returns what keeps the templates of the revisions.
func (s servers) templates(ctx context.Context) []appsv1.ControllerRevision {
	GinkgoHelper()
	list := &appsv1.ControllerRevisionList{}
	Expect(k8s.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
	return list.Items
}

func (s servers) deployment(ctx context.Context, name string) *appsv1.Deployment {
	GinkgoHelper()
	deployment := &appsv1.Deployment{}
	Expect(k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, deployment)).To(Succeed())
	return deployment
}

// expectRoutedTo waits until the Service has endpoints, all of them ready pods of this revision.
func (s servers) expectRoutedTo(ctx context.Context, revision string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		service, slice := &corev1.Service{}, &discoveryv1.EndpointSlice{}
		g.Expect(k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "pets"}, service)).To(Succeed())
		g.Expect(service.Spec.Selector).To(Equal(map[string]string{v1alpha1.RevisionLabel: revision}))
		g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(service), slice)).To(Succeed())
		g.Expect(slice.Endpoints).NotTo(BeEmpty())
		for _, endpoint := range slice.Endpoints {
			pod := &corev1.Pod{}
			g.Expect(k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: endpoint.TargetRef.Name}, pod)).To(Succeed())
			g.Expect(pod.Labels).To(HaveKeyWithValue(v1alpha1.RevisionLabel, revision))
			g.Expect(endpoint.Conditions.Ready).To(Equal(ptr.To(true)))
		}
	}).Should(Succeed())
}

var _ = Describe("ModelServer, when what serves is deleted by hand", func() {
	var (
		cluster *fakeCluster
		pets    servers
		first   string
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		first = pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
	})
	names := func(ctx context.Context) []string {
		GinkgoHelper()
		var names []string
		for _, kept := range pets.templates(ctx) {
			names = append(names, kept.Name)
		}
		return names
	}
	// asksFor changes more than the model, so that the spec doesn't say any more what live was made from.
	asksFor := func(ctx context.Context, run string) {
		GinkgoHelper()
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.Model.TrainingRunRef.Name = run
			server.Spec.PodTemplate.Env = []v1alpha1.EnvVar{{Name: "NEW", Value: "yes"}}
		})
	}
	// comesBack waits until the first revision's Deployment is there again, as it was, and serves.
	comesBack := func(ctx context.Context, before *appsv1.Deployment) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			after := &appsv1.Deployment{}
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(before), after)).To(Succeed())
			g.Expect(after.UID).NotTo(Equal(before.UID))
			g.Expect(after.Spec).To(Equal(before.Spec))
			g.Expect(after.Annotations).To(Equal(before.Annotations))
		}).Should(Succeed())
		pets.expectRoutedTo(ctx, first)
		Eventually(func() string { return condition(pets.get(ctx), v1alpha1.AvailableCondition) }).Should(Equal("True/MinimumReplicasAvailable"))
	}

	It("brings it back while the spec's revision is rejected", func(ctx SpecContext) {
		cluster.model(digestOf("2"), failsSmoke)
		asksFor(ctx, "run-2")
		rejected := pets.reaches(ctx, v1alpha1.SmokeFailedReason).Status.Rejected[0].Revision
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
		before := pets.deployment(ctx, first)
		Expect(k8s.Delete(ctx, before)).To(Succeed())
		comesBack(ctx, before)
		Eventually(func(g Gomega) {
			list := &eventsv1.EventList{}
			g.Expect(k8s.List(ctx, list, client.InNamespace(pets.namespace))).To(Succeed())
			g.Expect(list.Items).To(ContainElement(And(
				HaveField("Reason", "RolloutRepaired"), HaveField("Note", ContainSubstring("Deployment "+first+" of the ")))))
		}).Should(Succeed())

		By("leaving the rejected one where it is, and everything at rest")
		server := pets.reaches(ctx, v1alpha1.SmokeFailedReason)
		Expect(server.Status.Live.Revision).To(Equal(first))
		Expect(server.Status.Rejected[0].Revision).To(Equal(rejected))
		Expect(pets.deployments(ctx)).To(ConsistOf(first))
		Expect(names(ctx)).To(ConsistOf(first))
		Expect(cluster.selections()).To(Equal([]string{first}))
		pets.staysAsItIs(ctx)
	})

	It("brings it back while the spec's model can't be resolved", func(ctx SpecContext) {
		asksFor(ctx, "run-9")
		pets.reaches(ctx, v1alpha1.TrainingRunNotFoundReason)
		before := pets.deployment(ctx, first)
		Expect(k8s.Delete(ctx, before)).To(Succeed())
		comesBack(ctx, before)
		Expect(cluster.selections()).To(Equal([]string{first}))
	})

	It("brings it back with its Service", func(ctx SpecContext) {
		cluster.model(digestOf("2"), failsSmoke)
		asksFor(ctx, "run-2")
		pets.reaches(ctx, v1alpha1.SmokeFailedReason)
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
		before := pets.deployment(ctx, first)
		faults.set(func(verb string, object client.Object) error { // neither is recreated before both are gone
			if object.GetNamespace() == pets.namespace && verb == "create" {
				return errCrashed
			}
			return nil
		})
		DeferCleanup(func() { faults.set(nil) })
		Expect(k8s.Delete(ctx, before)).To(Succeed())
		Expect(k8s.Delete(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "pets", Namespace: pets.namespace}})).To(Succeed())
		Eventually(func() string { return condition(pets.get(ctx), v1alpha1.AvailableCondition) }).Should(Equal("False/NoLiveRevision"))
		faults.set(nil)
		comesBack(ctx, before)
		Expect(pets.reaches(ctx, v1alpha1.SmokeFailedReason).Status.Live.Revision).To(Equal(first))
		Expect(cluster.selections()).To(Equal([]string{first}))
	})

	It("has the fallback serve meanwhile, and tries live again, during its bake", func(ctx SpecContext) {
		cluster.model(digestOf("2"), bakesForEver)
		asksFor(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.BakingReason).Status.Live.Revision
		Expect(k8s.Delete(ctx, pets.deployment(ctx, second))).To(Succeed())
		Eventually(cluster.selections).Should(Equal([]string{first, second, first, second}))
		server := pets.reaches(ctx, v1alpha1.BakingReason)
		Expect(server.Status.Fallback.Revision).To(Equal(first))
		Expect(server.Status.History).To(HaveExactElements(
			And(HaveField("Revision", first), HaveField("Reason", "Replaced")),
			And(HaveField("Revision", second), HaveField("Reason", "Gone")),
			And(HaveField("Revision", first), HaveField("Reason", "Replaced")),
		))
		Expect(server.Status.Rejected).To(BeEmpty())
	})

	It("goes on to the next model while live can't be recreated", func(ctx SpecContext) {
		change(ctx, pets.deployment(ctx, first), takenOver)
		server := pets.reaches(ctx, v1alpha1.NameConflictReason)
		Expect(message(server, v1alpha1.ReadyCondition)).To(ContainSubstring("Deployment " + first))
		asksFor(ctx, "run-2")
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Model.TrainingRun).To(Equal("run-2"))
	})

	It("keeps the templates of the revisions that are at hand, and no other", func(ctx SpecContext) {
		Expect(names(ctx)).To(ConsistOf(first))
		cluster.model(digestOf("2"), bakesForEver)
		asksFor(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.BakingReason)
		second := server.Status.Live.Revision
		Expect(server.Status.Fallback.Revision).To(Equal(first))
		Expect(names(ctx)).To(ConsistOf(first, second))
		for _, kept := range pets.templates(ctx) {
			Expect(metav1.IsControlledBy(&kept, server)).To(BeTrue())
			Expect(kept.Labels).To(Equal(pets.deployment(ctx, kept.Name).Labels))
		}

		By("going back, which retires the second")
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.Model.TrainingRunRef.Name = "run-1"
			server.Spec.PodTemplate.Env = nil
		})
		pets.reaches(ctx, v1alpha1.ServingReason)
		Eventually(names).WithContext(ctx).Should(ConsistOf(first))
	})

	It("keeps a template again whose ControllerRevision was deleted", func(ctx SpecContext) {
		kept := pets.templates(ctx)[0]
		Expect(k8s.Delete(ctx, &kept)).To(Succeed())
		Eventually(func(g Gomega) {
			again := pets.templates(ctx)
			g.Expect(again).To(HaveLen(1))
			g.Expect(again[0].UID).NotTo(Equal(kept.UID))
		}).Should(Succeed())
		pets.staysAsItIs(ctx)

		By("making live from it")
		asksFor(ctx, "run-9")
		pets.reaches(ctx, v1alpha1.TrainingRunNotFoundReason)
		before := pets.deployment(ctx, first)
		Expect(k8s.Delete(ctx, before)).To(Succeed())
		comesBack(ctx, before)
	})
})
