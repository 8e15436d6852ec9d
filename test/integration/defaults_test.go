// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/defaults"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// setDefaults has a namespace give defaults to a kind, and to no other.
func setDefaults(ctx context.Context, namespace, key string, lines ...string) {
	GinkgoHelper()
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: defaults.ConfigMapName}}
	data := map[string]string{key: strings.Join(lines, "\n")}
	if err := k8s.Get(ctx, client.ObjectKeyFromObject(config), config); err == nil {
		config.Data = data
		Expect(k8s.Update(ctx, config)).To(Succeed())
		return
	}
	config.Data = data
	Expect(k8s.Create(ctx, config)).To(Succeed())
}

var _ = Describe("Defaults of a namespace", func() {
	It("are a run's where its spec says nothing, and are written into none", func(ctx SpecContext) {
		ns := makeNamespace(ctx)
		setDefaults(ctx, ns, defaults.RunKey, "gates: [{metric: accuracy, min: high}]")
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		expectState(ctx, run, v1alpha1.DefaultsInvalidReason, stall)
		Expect(readyMessage(fetch(ctx, run))).To(Equal(
			`ConfigMap trainyard-defaults, which holds this namespace's defaults, can't be used: key trainingrun.yaml: gates[0].min is "high": use a decimal from 0 to 1, such as "0.25", of at most 16 characters`))
		Consistently(jobsIn(ctx, ns)).Should(BeEmpty())

		By("correcting them")
		setDefaults(ctx, ns, defaults.RunKey, "image: registry.example/team/runner:v2", `gates: [{metric: accuracy, min: "0.9"}]`,
			"podTemplate: {resources: {requests: {cpu: '2'}}, nodeSelector: {pool: train}}")
		job := jobOf(ctx, run)
		pod := job.Spec.Template.Spec
		Expect(pod.Containers[0].Image).To(Equal("registry.example/team/runner:v2"))
		Expect(pod.Containers[0].Resources.Requests.Cpu().String()).To(Equal("2"))
		Expect(pod.Containers[0].Resources.Requests.Memory().String()).To(Equal("1Gi"))
		Expect(pod.NodeSelector).To(Equal(map[string]string{"pool": "train"}))
		config := contract.TrainConfig{}
		Expect(decodeConfig(&pod, &config)).To(Succeed())
		Expect(config.Gates).To(ConsistOf(contract.Gate{Metric: "accuracy", Min: 0.9}))
		Expect(fetch(ctx, run).Spec).To(Equal(run.Spec))

		By("leaving a run alone that has its Job")
		setDefaults(ctx, ns, "trainingruns.yaml", "")
		others := 0
		Eventually(func(g Gomega) { // the manager's cache may still have those before
			others++
			other := create(ctx, wrappers.MakeTrainingRun(fmt.Sprintf("other-%d", others), ns).Obj())
			Eventually(get(ctx, other)).Should(HaveField("Status.Conditions", Not(BeEmpty())))
			g.Expect(fetch(ctx, other).Status.Conditions).To(ContainElement(HaveField("Reason", v1alpha1.DefaultsInvalidReason)))
		}).Should(Succeed())
		makeJobPod(ctx, job)
		expectState(ctx, run, v1alpha1.PendingReason, unknown)
	})

	It("that the API server refuses are named with the object", func(ctx SpecContext) {
		ns := makeNamespace(ctx)
		setDefaults(ctx, ns, defaults.RunKey, "podTemplate: {tolerations: [{key: a, operator: Sometimes}]}")
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		expectState(ctx, run, v1alpha1.InvalidSpecReason, stall)
		Expect(readyMessage(fetch(ctx, run))).To(SatisfyAll(ContainSubstring("tolerations[0].operator"),
			ContainSubstring("what the spec leaves out is of ConfigMap trainyard-defaults: correct that, or set it in the spec")))
	})

	It("are a new revision's, and no revision follows from them", func(ctx SpecContext) {
		cluster, pets := startServers(ctx)
		setDefaults(ctx, pets.namespace, defaults.ServerKey, "podTemplate: {nodeSelector: {pool: a}}")
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").BakeTime("1s").Obj())).To(Succeed())
		first := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		Expect(pets.deployment(ctx, first).Spec.Template.Spec.NodeSelector).To(HaveKeyWithValue("pool", "a"))

		By("holding up what is new while they can't be used, and nothing else")
		setDefaults(ctx, pets.namespace, defaults.ServerKey, "podTemplate: {nodeSelectors: {pool: b}}")
		pets.serve(ctx, "run-2")
		held := pets.reaches(ctx, v1alpha1.DefaultsInvalidReason)
		Expect(message(held, v1alpha1.ReadyCondition)).To(ContainSubstring(`key modelserver.yaml: unknown field "podTemplate.nodeSelectors"`))
		Expect(condition(held, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
		pets.serve(ctx, "run-1")
		pets.reaches(ctx, v1alpha1.ServingReason)
		pets.serve(ctx, "run-2")
		pets.reaches(ctx, v1alpha1.DefaultsInvalidReason)
		Expect(pets.deployments(ctx)).To(ConsistOf(first))

		By("giving them to the next revision")
		setDefaults(ctx, pets.namespace, defaults.ServerKey, "podTemplate: {nodeSelector: {pool: b}}")
		Eventually(func() string { return pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision }).ShouldNot(Equal(first))
		second := pets.get(ctx).Status.Live.Revision
		Expect(pets.deployment(ctx, second).Spec.Template.Spec.NodeSelector).To(HaveKeyWithValue("pool", "b"))

		By("going back to the first, which is as it was")
		before := len(cluster.selections())
		pets.serve(ctx, "run-1")
		Eventually(func() string { return pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision }).Should(Equal(first))
		Expect(cluster.selections()).To(HaveLen(before + 1))
	})

	It("gate promotions that have no gates of their own", func(ctx SpecContext) {
		_, pets := startServers(ctx)
		setDefaults(ctx, pets.namespace, defaults.ServerKey, `gates: [{metric: accuracy, min: "1"}]`)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").BakeTime("1s").Obj())).To(Succeed())
		pets.reaches(ctx, v1alpha1.GateNotMetReason)
		pets.update(ctx, func(s *v1alpha1.ModelServer) {
			s.Spec.Promotion.Gates = []v1alpha1.PromotionGate{{Metric: "accuracy", Min: "0.1"}}
		})
		pets.reaches(ctx, v1alpha1.ServingReason)
	})
})
