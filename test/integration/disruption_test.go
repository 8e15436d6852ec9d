// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// budgets returns the names of the PodDisruptionBudgets that there are.
func (s servers) budgets(ctx context.Context) []string {
	GinkgoHelper()
	list := &policyv1.PodDisruptionBudgetList{}
	Expect(k8s.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names
}

func (s servers) budget(ctx context.Context, name string) *policyv1.PodDisruptionBudget {
	GinkgoHelper()
	budget := &policyv1.PodDisruptionBudget{}
	Eventually(func() error { return k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, budget) }).Should(Succeed())
	return budget
}

var _ = Describe("ModelServer, with replicas that drains may take", func() {
	var (
		cluster *fakeCluster
		pets    servers
		first   string
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Replicas(2).Obj())).To(Succeed())
		first = pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		pets.budget(ctx, first)
	})
	eventuallyBudgets := func(ctx context.Context, names ...string) {
		GinkgoHelper()
		Eventually(pets.budgets).WithContext(ctx).Should(ConsistOf(names))
	}
	spread := func(ctx context.Context, revision string) any {
		return pets.deployment(ctx, revision).Spec.Template.Spec.TopologySpreadConstraints
	}

	It("has a budget for each revision of a rollout, and for no pod two", func(ctx SpecContext) {
		Expect(*pets.budget(ctx, first).Spec.MaxUnavailable).To(Equal(intstr.FromString("25%")))
		Expect(*pets.budget(ctx, first).Spec.UnhealthyPodEvictionPolicy).To(Equal(policyv1.AlwaysAllow))
		pets.staysAsItIs(ctx)
		cluster.model(digestOf("2"), neverReady)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.StartingReason).Status.Candidate.Revision
		eventuallyBudgets(ctx, first, second)
		for _, revision := range []string{first, second} {
			Expect(pets.budget(ctx, revision).Spec.Selector.MatchLabels).To(Equal(map[string]string{v1alpha1.RevisionLabel: revision}))
		}

		By("giving the candidate up")
		pets.serve(ctx, "run-1")
		pets.reaches(ctx, v1alpha1.ServingReason)
		eventuallyBudgets(ctx, first)

		By("promoting another, with the fallback beside it")
		publish(ctx, pets.namespace, "run-3", "3")
		cluster.model(digestOf("3"), bakesForEver)
		pets.serve(ctx, "run-3")
		third := pets.reaches(ctx, v1alpha1.BakingReason).Status.Live.Revision
		eventuallyBudgets(ctx, first, third)
		cluster.model(digestOf("3"), behavesWell)
		pets.reaches(ctx, v1alpha1.ServingReason)
		eventuallyBudgets(ctx, third)
		Expect(repairs(ctx, pets.namespace)).To(BeEmpty())
	})

	It("has none with a single replica, nor if the spec wants none", func(ctx SpecContext) {
		template := pets.deployment(ctx, first).Spec.Template
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Replicas = ptr.To[int32](1) })
		eventuallyBudgets(ctx)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Replicas = ptr.To[int32](3) })
		eventuallyBudgets(ctx, first)
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.PodDisruptionBudget.MaxUnavailablePercent = 50
		})
		Eventually(func() string { return pets.budget(ctx, first).Spec.MaxUnavailable.String() }).Should(Equal("50%"))
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.PodDisruptionBudget.Mode = v1alpha1.NoDisruptionBudget
		})
		eventuallyBudgets(ctx)
		Expect(repairs(ctx, pets.namespace)).To(BeEmpty())

		By("finding the pods as they were: scaling is no rollout")
		Expect(spread(ctx, first)).To(HaveLen(1))
		Expect(pets.deployment(ctx, first).Spec.Template).To(Equal(template))
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
	})

	It("gives way to a budget of the user's own", func(ctx SpecContext) {
		own := &policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Namespace: pets.namespace, Name: "mine"},
			Spec: policyv1.PodDisruptionBudgetSpec{
				MinAvailable: ptr.To(intstr.FromInt32(1)),
				Selector:     &metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.ModelServerLabel: "cats"}},
			},
		}
		Expect(k8s.Create(ctx, own)).To(Succeed())
		pets.staysAsItIs(ctx)
		Expect(pets.budgets(ctx)).To(ConsistOf(first, "mine"))
		change(ctx, own, `{"spec":{"selector":{"matchLabels":{"trainyard.dev/model-server":"pets"}}}}`)
		eventuallyBudgets(ctx, "mine")
		Expect(k8s.Delete(ctx, own)).To(Succeed())
		eventuallyBudgets(ctx, first)
	})

	DescribeTable("puts right what is done to a budget", func(ctx SpecContext, patch, says string) {
		before := pets.budget(ctx, first)
		change(ctx, before.DeepCopy(), patch)
		expectIdentity(ctx, before)
		Eventually(func() policyv1.PodDisruptionBudgetSpec { return pets.budget(ctx, first).Spec }).Should(Equal(before.Spec))
		Eventually(repairs).WithContext(ctx).WithArguments(pets.namespace).Should(ConsistOf(
			And(ContainSubstring("PodDisruptionBudget "+first), ContainSubstring(says), HaveSuffix("(1)"))))
	},
		Entry("edited", `{"spec":{"maxUnavailable":0}}`, "was edited outside Trainyard; set it back to spec.podDisruptionBudget"),
		Entry("taken by Helm", takenByHelm, "restored them"),
		Entry("without labels and owner", allRemoved, "restored them"),
	)

	It("makes a deleted budget again", func(ctx SpecContext) {
		before := pets.budget(ctx, first)
		Expect(k8s.Delete(ctx, before)).To(Succeed())
		Eventually(func() any { return pets.budget(ctx, first).UID }).ShouldNot(Equal(before.UID))
	})
})
