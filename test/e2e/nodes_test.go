// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/hack/prober/probe"
)

// One of two nodes is drained, and lost in the middle of a rollout and of a training. The model comes from a web server, so that its
// replicas can be on both. Whatever else the specs need is on the node that stays, and so is the manager.
var _ = Describe("Two nodes", Ordered, Label(nodesLabel), func() {
	const serverName = "exported"
	var (
		namespace string
		s         *v1alpha1.ModelServer
	)

	BeforeAll(func(ctx SpecContext) {
		call(ctx, kubectl, "cordon", nodeToLose)
		moveManager(ctx)
		namespace = makeNamespace(ctx, "nodes")
		web := startWebServer(ctx, namespace)
		web.put(ctx, "models", exports)
		call(ctx, kubectl, "uncordon", nodeToLose)

		s = server(namespace, serverName, "")
		s.Spec.Model = v1alpha1.ServedModel{Source: web.export("torchvision.onnx", web.inModels("torchvision.onnx"))}
		s.Spec.Replicas = ptr.To[int32](2)
		s.Spec.Promotion.BakeTime = "2s"
	})

	It("share the replicas of a model", func(ctx SpecContext) {
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)
		Expect(nodesOf(ctx, s)).To(ConsistOf(nodeToStay, nodeToLose))
		prober := onNode(proberPod(namespace, serverName), nodeToStay)
		prober.Spec.Containers[0].Args = append(prober.Spec.Containers[0].Args, "--timeout=5s", // who waits for a lost node gives up some time
			// The port of one who gave up is led to the lost node for minutes more, whatever the Service's endpoints are by then.
			"--ports-in-turn")
		startProberPod(ctx, prober)
	})

	It("can be drained without a failed request", func(ctx SpecContext) {
		call(ctx, kubectl, "drain", nodeToLose, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout="+rolloutLimit.String())
		eventuallyOn(ctx, s, nodeToStay, nodeToStay)
		expectNoFailure(ctx, namespace)
		call(ctx, kubectl, "uncordon", nodeToLose)
		By("sharing the replicas again")
		scale(ctx, s, 1)
		scale(ctx, s, 2)
		eventuallyOn(ctx, s, nodeToStay, nodeToLose)
		eventuallyServing(ctx, s)
		expectNoFailure(ctx, namespace)
	})

	It("can lose one while a model is baked and another trained, and neither is judged by that", func(ctx SpecContext) {
		By("beginning a rollout")
		before := s.Status.Live.Revision
		update(ctx, s, func() {
			s.Spec.Server.MaxBatch = 8
			s.Spec.Promotion.BakeTime = "2m"
		})
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Status.Live.Revision).NotTo(Equal(before))
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		live := s.Status.Live.Revision
		By("beginning a training on the node that will be lost")
		run := goodRun(namespace, "pets")
		run.Spec.Dataset.Generated.SamplesPerClass = 200
		run.Spec.Training.Epochs = 15
		run.Spec.PodTemplate.NodeSelector = map[string]string{corev1.LabelHostname: nodeToLose}
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, run)).To(Succeed())
			g.Expect(run.Status.Checkpoint).NotTo(BeNil())
		}).WithContext(ctx).WithTimeout(trainingLimit).WithPolling(pollInterval).Should(Succeed())
		Expect(readyReason(run.Status.Conditions)).To(Equal(v1alpha1.TrainingReason))
		Expect(get(ctx, s)).To(Succeed())
		Expect(readyReason(s.Status.Conditions)).To(Equal(v1alpha1.BakingReason))
		Expect(nodesOf(ctx, s)).To(ConsistOf(nodeToStay, nodeToLose))
		sent := expectNoFailure(ctx, namespace)

		By("losing the node")
		lost := time.Now()
		call(ctx, clusterTool, "kill", nodeToLose)
		DeferCleanup(func(ctx SpecContext) { call(ctx, clusterTool, "up") })
		Eventually(func(g Gomega) {
			g.Expect(readyEndpoints(ctx, namespace, serverName)).To(HaveExactElements(nodeToStay))
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
		noticed := time.Since(lost)
		Eventually(func(g Gomega) {
			for _, obj := range []client.Object{s, run} {
				g.Expect(get(ctx, obj)).To(Succeed())
			}
			for _, conditions := range [][]metav1.Condition{s.Status.Conditions, run.Status.Conditions} {
				g.Expect(readyReason(conditions)).To(Equal(v1alpha1.NodeNotReadyReason))
				g.Expect(readyMessage(conditions)).To(ContainSubstring("node %s has not answered since", nodeToLose))
			}
			g.Expect(s.Status.ReadyReplicas).To(HaveValue(BeEquivalentTo(1)))
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())

		By("answering all requests once nobody is sent to it any more")
		settled := afterRequests(ctx, namespace, 300) // 50 a second at most: those that were on their way have ended, or timed out
		AddReportEntry("lost node", fmt.Sprintf("its endpoint was gone after %.0f s; until then %s", noticed.Seconds(), since(sent, settled)))
		later := afterRequests(ctx, namespace, 100)
		Expect(later.Fresh.Failed).To(Equal(settled.Fresh.Failed), "on fresh connections: %+v", later.Fresh.Failures)
		Expect(later.Pooled.Failed).To(Equal(settled.Pooled.Failed), "on pooled connections: %+v", later.Pooled.Failures)

		By("going on where it was when the node is back")
		call(ctx, clusterTool, "up")
		eventuallyOn(ctx, s, nodeToStay, nodeToLose)
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Revision).To(Equal(live))
		Expect(s.Status.Rejected).To(BeEmpty())
		eventuallyComplete(ctx, run)
		Expect(run.Status.LastFailure).To(HaveValue(And(HaveField("Reason", v1alpha1.NodeLostReason), HaveField("Message", ContainSubstring("node "+nodeToLose)))))
		AddReportEntry("run on the lost node", run.Status.LastFailure.Reason+": "+run.Status.LastFailure.Message)
		end := afterRequests(ctx, namespace, 1)
		Expect(end.Fresh.Failed).To(Equal(settled.Fresh.Failed), "on fresh connections: %+v", end.Fresh.Failures)
		Expect(end.Pooled.Failed).To(Equal(settled.Pooled.Failed), "on pooled connections: %+v", end.Pooled.Failures)
	})
})

// A model in a claim of one node is served there only, and a server that may not run there says so.
var _ = Describe("A claim of one node", Label(nodesLabel), func() {
	It("has its server where it is", func(ctx SpecContext) {
		namespace := makeNamespace(ctx, "bound")
		run := goodRun(namespace, "pets")
		run.Spec.Dataset.Generated.SamplesPerClass = 40
		run.Spec.Model.ImageSize = 32
		run.Spec.Training.Epochs = 2
		run.Spec.PodTemplate.NodeSelector = map[string]string{corev1.LabelHostname: nodeToLose}
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		eventuallyComplete(ctx, run)

		s := server(namespace, "pets", "")
		s.Spec.Model = v1alpha1.ServedModel{Source: sourceOf(run)}
		s.Spec.Promotion.BakeTime = "2s"
		s.Spec.PodTemplate.NodeSelector = map[string]string{corev1.LabelHostname: nodeToStay}
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(readyReason(s.Status.Conditions)).To(Equal(v1alpha1.VolumeUnavailableReason))
			g.Expect(readyMessage(s.Status.Conditions)).To(ContainSubstring("a volume is bound to another node than the pod can run on"))
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
		AddReportEntry("message", readyMessage(s.Status.Conditions))

		update(ctx, s, func() { s.Spec.PodTemplate.NodeSelector = nil })
		eventuallyServing(ctx, s)
		Expect(nodesOf(ctx, s)).To(ConsistOf(nodeToLose))
	})
})

// scale sets the number of replicas and waits until there are as many.
func scale(ctx context.Context, s *v1alpha1.ModelServer, replicas int32) {
	GinkgoHelper()
	update(ctx, s, func() { s.Spec.Replicas = &replicas })
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, s)).To(Succeed())
		g.Expect(s.Status.Replicas).To(HaveValue(Equal(replicas)))
		g.Expect(s.Status.ReadyReplicas).To(HaveValue(Equal(replicas)))
	}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
}

// eventuallyOn waits until live has as many ready replicas as nodes are named, on these nodes.
func eventuallyOn(ctx context.Context, s *v1alpha1.ModelServer, nodes ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, s)).To(Succeed())
		g.Expect(s.Status.ReadyReplicas).To(HaveValue(BeEquivalentTo(len(nodes))))
		g.Expect(readyEndpoints(ctx, s.Namespace, s.Name)).To(ConsistOf(nodes))
	}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
}

// nodesOf returns the nodes of live's pods.
func nodesOf(ctx context.Context, s *v1alpha1.ModelServer) []string {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(k8sClient.List(ctx, &pods, client.InNamespace(s.Namespace), client.MatchingLabels{v1alpha1.RevisionLabel: s.Status.Live.Revision})).To(Succeed())
	var nodes []string
	for _, pod := range pods.Items {
		nodes = append(nodes, pod.Spec.NodeName)
	}
	return nodes
}

// readyEndpoints returns the nodes of a Service's ready endpoints.
func readyEndpoints(ctx context.Context, namespace, service string) []string {
	GinkgoHelper()
	var slices discoveryv1.EndpointSliceList
	Expect(k8sClient.List(ctx, &slices, client.InNamespace(namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service})).To(Succeed())
	var nodes []string
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			if ptr.Deref(endpoint.Conditions.Ready, true) {
				nodes = append(nodes, ptr.Deref(endpoint.NodeName, ""))
			}
		}
	}
	return nodes
}

// moveManager replaces the manager's pods and waits until those that come instead are ready.
func moveManager(ctx context.Context) {
	GinkgoHelper()
	killManager(ctx)
	call(ctx, kubectl, "rollout", "status", "deployment/trainyard-manager", "--namespace="+managerNamespace, "--timeout="+startLimit.String())
}

// afterRequests waits until so many more requests have ended on either kind of connection, and returns what the prober has seen.
func afterRequests(ctx context.Context, namespace string, more int) probe.Report {
	GinkgoHelper()
	before, err := probed(ctx, namespace)
	Expect(err).NotTo(HaveOccurred())
	var now probe.Report
	Eventually(func(g Gomega) {
		now, err = probed(ctx, namespace)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(now.Fresh.Requests - before.Fresh.Requests).To(BeNumerically(">=", more))
		g.Expect(now.Pooled.Requests - before.Pooled.Requests).To(BeNumerically(">=", more))
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
	return now
}

// since says what a prober has seen between two reports.
func since(before, now probe.Report) string {
	return fmt.Sprintf("%d of %d requests on fresh connections failed and %d of %d on pooled ones; the first: %+v, %+v",
		now.Fresh.Failed-before.Fresh.Failed, now.Fresh.Requests-before.Fresh.Requests,
		now.Pooled.Failed-before.Pooled.Failed, now.Pooled.Requests-before.Pooled.Requests, now.Fresh.Failures, now.Pooled.Failures)
}
