// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/scrape"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// exported reads what the manager exports now.
func exported() scrape.Samples {
	GinkgoHelper()
	samples, err := scrape.Registry(ctrlmetrics.Registry)
	Expect(err).NotTo(HaveOccurred())
	return samples
}

// growth waits until a series has grown since it was read before.
func growth(before scrape.Samples, name string, labels ...string) {
	GinkgoHelper()
	Eventually(func() float64 { return exported().Sum(name, labels...) - before.Sum(name, labels...) }).Should(
		BeNumerically(">=", 1), "%s %v", name, labels)
}

var _ = Describe("What the manager exports", func() {
	It("tells how rollouts go and end", func(ctx SpecContext) {
		before := exported()
		cluster, pets := startServers(ctx)
		mine := []string{"namespace=" + pets.namespace, "modelserver=pets"}
		series := func(name string, labels ...string) func() scrape.Samples {
			return func() scrape.Samples { return exported().Find(name, append(labels, mine...)...) }
		}
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		first := pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		growth(before, "trainyard_rollout_decisions_total", "rule=promote")
		growth(before, "trainyard_rollout_decisions_total", "rule=finishBake")
		growth(before, "trainyard_rollouts_ended_total", "result=Succeeded", "reason=Baked")
		growth(before, "trainyard_rollout_test_duration_seconds_count", "test=smoke", "result=Passed")
		growth(before, "trainyard_rollout_test_duration_seconds_count", "test=bake", "result=Passed")
		growth(before, "trainyard_api_writes_total", "kind=Service", "verb=patch", "result=Written")
		growth(before, "trainyard_api_writes_total", "kind=Deployment", "verb=create", "result=Written")
		growth(before, "trainyard_api_writes_total", "kind=Job", "verb=delete", "result=Written")
		growth(before, "trainyard_api_writes_total", "kind=ModelServer", "subresource=status", "verb=patch", "result=Written")
		Eventually(series("trainyard_modelserver_ready", "reason=Serving")).Should(ConsistOf(HaveField("Value", 1.0)))
		Eventually(series("trainyard_modelserver_live_info", "revision="+first, "trainingrun=run-1")).Should(HaveLen(1))
		Expect(series("trainyard_modelserver_candidate_info")()).To(BeEmpty())

		By("naming the candidate that is tested")
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		candidate := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate
		Eventually(series("trainyard_modelserver_candidate_info", "stage=Smoking", "revision="+candidate.Revision)).Should(HaveLen(1))
		Eventually(series("trainyard_modelserver_candidate_start_time_seconds")).Should(ConsistOf(
			HaveField("Value", float64(candidate.StartTime.Unix()))))
		Eventually(series("trainyard_modelserver_ready", "reason=Smoking")).Should(ConsistOf(HaveField("Value", 0.0)))

		By("superseding it")
		pets.serve(ctx, "run-1")
		pets.reaches(ctx, v1alpha1.ServingReason)
		growth(before, "trainyard_rollouts_ended_total", "result=Superseded", "reason=Replaced")

		By("rejecting another")
		cluster.model(digestOf("2"), failsSmoke)
		pets.serve(ctx, "run-2")
		pets.reaches(ctx, v1alpha1.SmokeFailedReason)
		growth(before, "trainyard_rollouts_ended_total", "result=Rejected", "reason=SmokeFailed")
		growth(before, "trainyard_rollout_test_duration_seconds_count", "test=smoke", "result=Failed")

		By("rolling one back")
		cluster.model(digestOf("2"), failsBake)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Retry = "again" })
		pets.reaches(ctx, v1alpha1.BakeFailedReason)
		growth(before, "trainyard_rollouts_ended_total", "result=RolledBack", "reason=BakeFailed")
		growth(before, "trainyard_rollout_switch_back_duration_seconds_count")
		growth(before, "trainyard_rollout_test_duration_seconds_count", "test=bake", "result=Failed")

		By("forgetting a server that is deleted")
		Expect(k8s.Delete(ctx, pets.get(ctx))).To(Succeed())
		Eventually(func() int {
			n := 0
			for _, sample := range exported() {
				if sample.Labels["namespace"] == pets.namespace {
					n++
				}
			}
			return n
		}).Should(BeZero())
	})

	It("tells how runs end, and how soon their status says why", func(ctx SpecContext) { endRuns(ctx) })
})

// endRuns has runs end in several ways, and one wait, and looks for each in what the manager exports.
func endRuns(ctx context.Context) {
	GinkgoHelper()
	before := exported()
	namespace := makeNamespace(ctx)
	start := func(name string) (*v1alpha1.TrainingRun, *corev1.Pod) {
		GinkgoHelper()
		run := create(ctx, wrappers.MakeTrainingRun(name, namespace).Obj())
		return run, makeJobPod(ctx, jobOf(ctx, run))
	}
	end := func(run *v1alpha1.TrainingRun, pod *corev1.Pod) {
		GinkgoHelper()
		endPod(ctx, pod, contract.ExitOK, "Completed", successOf(fetch(ctx, run)))
		completeJob(ctx, jobOf(ctx, run))
	}
	run, pod := start("pets")
	runners.answer("10.9.8.1", contract.Progress{Version: contract.Version, Sequence: 1, Percent: 5})
	runPod(ctx, pod, "10.9.8.1")
	growth(before, "trainyard_progress_polls_total")
	end(run, pod)
	growth(before, "trainyard_trainingruns_ended_total", "condition=Complete", "reason=ModelPublished")
	growth(before, "trainyard_trainingrun_duration_seconds_count", "condition=Complete")
	growth(before, "trainyard_api_writes_total", "kind=Job", "verb=create", "result=Written")
	Eventually(func() float64 {
		return exported().Sum("trainyard_objects", "kind=TrainingRun", "reason=ModelPublished")
	}).Should(BeNumerically(">=", 1))

	By("asking one that doesn't answer")
	run, pod = start("silent")
	runPod(ctx, pod, "10.9.8.2")
	growth(before, "trainyard_progress_poll_failures_total")

	By("having it fail")
	endPod(ctx, pod, contract.ExitDataset, "Error", failureOf(contract.ReasonDatasetNotFound, "no such folder"))
	failJob(ctx, jobOf(ctx, run), "BackoffLimitExceeded")
	growth(before, "trainyard_trainingrun_reason_delay_seconds_count", "reason=DatasetNotFound")
	growth(before, "trainyard_trainingruns_ended_total", "condition=Failed", "reason=DatasetNotFound")
	growth(before, "trainyard_trainingrun_duration_seconds_count", "condition=Failed")

	By("having one wait for its image")
	_, pod = start("waiting")
	waitPod(ctx, pod, "ImagePullBackOff", "Back-off pulling image")
	growth(before, "trainyard_trainingrun_reason_delay_seconds_count", "reason=ImagePullBackOff")
}
