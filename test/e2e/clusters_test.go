// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net"
	"strconv"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// What other clusters do differently, as far as one cluster can be like them. docs/clusters.md lists it.
var _ = Describe("A namespace whose pods get a user of a range", Ordered, func() {
	// user is one that no image has, as OpenShift gives to a namespace.
	const user = int64(1000670000)
	var (
		namespace string
		s         *v1alpha1.ModelServer
	)
	template := v1alpha1.PodTemplate{SecurityContext: v1alpha1.PodSecurityContext{RunAsUser: ptr.To(user), FSGroup: ptr.To(user), RunAsGroup: ptr.To[int64](0)}}

	BeforeAll(func(ctx SpecContext) { namespace = makeNamespace(ctx, "range") })

	It("trains and serves, and is reached at a port of the nodes", func(ctx SpecContext) {
		run := smallRun(namespace, "pets")
		run.Spec.PodTemplate = template
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		eventuallyComplete(ctx, run)
		s = server(namespace, "pets", run.Name)
		s.Spec.Promotion.Chance = v1alpha1.AllowChance
		s.Spec.PodTemplate = template
		s.Spec.Service.Type = corev1.ServiceTypeNodePort
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)

		var pods corev1.PodList
		Expect(k8sClient.List(ctx, &pods, client.InNamespace(namespace))).To(Succeed())
		Expect(pods.Items).NotTo(BeEmpty())
		for _, pod := range pods.Items {
			Expect(pod.Spec.SecurityContext.RunAsUser).To(HaveValue(Equal(user)), "Pod %s", pod.Name)
			Expect(pod.Spec.Containers[0].SecurityContext.RunAsUser).To(BeNil(), "Pod %s", pod.Name)
		}
	})

	It("answers at that port all through a rollout", func(ctx SpecContext) {
		var service corev1.Service
		Expect(k8sClient.Get(ctx, client.ObjectKeyFromObject(s), &service)).To(Succeed())
		var nodes corev1.NodeList
		Expect(k8sClient.List(ctx, &nodes)).To(Succeed())
		address := net.JoinHostPort(nodes.Items[0].Status.Addresses[0].Address, strconv.Itoa(int(service.Spec.Ports[0].NodePort)))
		startProber(ctx, namespace, address)
		first := s.Status.Live.Revision
		update(ctx, s, func() { s.Spec.Server.MaxBatch = 4 })
		eventuallyServing(ctx, s)
		eventuallyAlone(ctx, s)
		Expect(s.Status.Live.Revision).NotTo(Equal(first))
		report := expectNoFailure(ctx, namespace)
		AddReportEntry("node port", fmt.Sprintf("%s: %d requests", address, report.Fresh.Requests+report.Pooled.Requests))
	})
})
