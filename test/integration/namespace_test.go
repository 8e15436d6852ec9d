// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var _ = Describe("A namespace that is being deleted", func() {
	It("makes no errors", func(ctx SpecContext) {
		pets := servers{namespace: makeNamespace(ctx)}
		publish(ctx, pets.namespace, "run-1", "1")
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		Eventually(func() []string { return pets.deployments(ctx) }).Should(HaveLen(1))
		run := create(ctx, wrappers.MakeTrainingRun("unfinished", pets.namespace).Obj())
		job := jobOf(ctx, run)
		before := reconcileErrors()

		By("deleting its objects in an order that has both kinds create them again")
		Expect(k8s.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: pets.namespace}})).To(Succeed())
		Expect(k8s.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(Succeed())
		Expect(k8s.DeleteAllOf(ctx, &appsv1.Deployment{}, client.InNamespace(pets.namespace))).To(Succeed())
		expectState(ctx, run, v1alpha1.WaitingForDeletionReason, onItsWay)
		Expect(readyMessage(fetch(ctx, run))).To(Equal("namespace " + pets.namespace + " is being deleted; nothing can be created in it"))
		server := pets.reaches(ctx, v1alpha1.WaitingForDeletionReason)
		for _, object := range []client.Object{&corev1.Service{ObjectMeta: server.ObjectMeta}, server, run} {
			object.SetResourceVersion("")
			object.SetUID("")
			Expect(k8s.Delete(ctx, object)).To(Succeed())
		}
		Consistently(reconcileErrors).Should(Equal(before))
	})
})

// reconcileErrors is how many errors controller-runtime has counted.
func reconcileErrors() float64 {
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	count := 0.0
	for _, family := range families {
		if family.GetName() != "controller_runtime_reconcile_errors_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			count += metric.GetCounter().GetValue()
		}
	}
	return count
}
