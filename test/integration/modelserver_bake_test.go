// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var _ = Describe("ModelServer, and what users send while it bakes", func() {
	var (
		cluster *fakeCluster
		pets    servers
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
		cluster.users(0)
	})
	serving := func(ctx context.Context, change func(*v1alpha1.ModelServer)) *v1alpha1.ModelServer {
		GinkgoHelper()
		server := wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj()
		change(server)
		Expect(k8s.Create(ctx, server)).To(Succeed())
		return pets.reaches(ctx, v1alpha1.ServingReason)
	}
	waitsFor := func(n int32) func(*v1alpha1.ModelServer) {
		return func(server *v1alpha1.ModelServer) { server.Spec.Promotion.MinRequests = ptr.To(n) }
	}

	It("says that it saw none, or how many", func(ctx SpecContext) {
		server := serving(ctx, func(*v1alpha1.ModelServer) {})
		Expect(server.Status.Live.BakeRequests).To(HaveValue(BeEquivalentTo(0)))
		Expect(message(server, v1alpha1.ReadyCondition)).To(ContainSubstring("no request of a user came during its bake"))
		cluster.users(12)
		pets.serve(ctx, "run-2")
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.BakeRequests).To(HaveValue(BeEquivalentTo(12)))
		Expect(message(server, v1alpha1.ReadyCondition)).NotTo(ContainSubstring("no request of a user"))
	})

	It("waits for as many as are asked for, with the revision before at hand", func(ctx SpecContext) {
		By("waiting for nobody in a first rollout, which there is no way back from")
		first := serving(ctx, waitsFor(100)).Status.Live.Revision

		pets.serve(ctx, "run-2")
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(ContainSubstring("spec.promotion.minRequests says, 100"))
		server := pets.get(ctx)
		second := server.Status.Live.Revision
		job := pets.test(ctx, second, "bake")
		Expect(job.Spec.ActiveDeadlineSeconds).To(BeNil())
		Expect(smokeConfigOf(job).MinRequests).To(Equal(100))
		Expect(smokeConfigOf(job).Pods).To(HaveLen(1))
		Consistently(func() string { return pets.get(ctx).Status.Fallback.Revision }, "500ms").Should(Equal(first))

		By("being content with fewer")
		cluster.users(7)
		pets.update(ctx, waitsFor(7))
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(ContainSubstring("it waited for 100 requests of users, and is to wait for 7 now"))
		clk.Step(10 * time.Second)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Replicas = ptr.To[int32](1) }) // wakes it
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Revision).To(Equal(second))
		Expect(server.Status.Live.BakeRequests).To(HaveValue(BeEquivalentTo(7)))
		Eventually(func() []batchv1.Job { return pets.jobs(ctx) }).Should(BeEmpty())
	})

	It("compares latency where that is asked for", func(ctx SpecContext) {
		serving(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Promotion.MaxP99IncreasePercent = 50 })
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		config := smokeConfigOf(pets.test(ctx, pets.reaches(ctx, v1alpha1.BakingReason).Status.Live.Revision, "bake"))
		Expect(config.MaxP99IncreasePercent).To(Equal(50))
		Expect(config.PodsBefore).To(HaveLen(1))
		cluster.model(digestOf("2"), behavesWell)
		pets.reaches(ctx, v1alpha1.ServingReason)
	})
})
