// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// The main job, from data to a served model, and what happens to the next ones.
// The prober sends requests from the first promotion to the last spec.
var _ = Describe("A model on its way to its users", Ordered, func() {
	const serverName = "cats-vs-dogs"
	var (
		namespace string
		s         *v1alpha1.ModelServer
	)

	BeforeAll(func(ctx SpecContext) {
		namespace = makeNamespace(ctx, "pets")
		s = server(namespace, serverName, "good")
	})

	It("is trained, with live progress", func(ctx SpecContext) {
		run := goodRun(namespace, "good")
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		By("showing progress while it trains")
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, run)).To(Succeed())
			g.Expect(readyReason(run.Status.Conditions)).To(Equal(v1alpha1.TrainingReason))
			g.Expect(run.Status.Progress).NotTo(BeNil())
			g.Expect(*run.Status.Progress.Percent).To(BeNumerically(">", 0))
			g.Expect(*run.Status.Progress.Percent).To(BeNumerically("<", 100))
		}).WithContext(ctx).WithTimeout(trainingLimit).WithPolling(pollInterval).Should(Succeed())

		By("publishing the model")
		eventuallyComplete(ctx, run)
		value, err := strconv.ParseFloat(accuracy(run.Status.Metrics), 64)
		Expect(err).NotTo(HaveOccurred())
		AddReportEntry("accuracy", accuracy(run.Status.Metrics))
		Expect(value).To(BeNumerically(">=", 0.85))
		Expect(run.Status.Model.SHA256).To(HaveLen(64))
		Expect(run.Status.Model.Samples).NotTo(BeNil())
		Expect(run.Status.Model.Classes).To(Equal([]string{"cat", "dog"}))
		Expect(run.Status.Lineage.Dataset.Digest).To(HavePrefix("sha256:"))
		Expect(run.Status.CompletionTime).NotTo(BeNil())
	})

	It("is smoke-tested, promoted, baked and serves", func(ctx SpecContext) {
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Model.TrainingRun).To(Equal("good"))
		Expect(s.Status.Fallback).To(BeNil())
		Expect(s.Status.Candidate).To(BeNil())
		Expect(*s.Status.ReadyReplicas).To(BeEquivalentTo(1))

		By("predicting through the Service")
		startProber(ctx, namespace, serverName)
		Expect(modelInfo(ctx, namespace, serverName)).To(HaveKeyWithValue("revision", s.Status.Live.Revision))
	})

	It("is replaced by the next without a failed request", func(ctx SpecContext) {
		before := s.Status.Live.Revision
		update(ctx, s, func() { s.Spec.Server.MaxBatch = 8 })
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Revision).NotTo(Equal(before))
		Expect(s.Status.History).NotTo(BeEmpty())
		expectNoFailure(ctx, namespace)
	})

	It("scales, and keeps serving meanwhile", func(ctx SpecContext) {
		live := s.Status.Live.Revision
		update(ctx, s, func() { s.Spec.Replicas = new(int32); *s.Spec.Replicas = 2 })
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Status.ReadyReplicas).To(HaveValue(BeEquivalentTo(2)))
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Revision).To(Equal(live))
		update(ctx, s, func() { *s.Spec.Replicas = 1 })
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Status.Replicas).To(HaveValue(BeEquivalentTo(1)))
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		expectNoFailure(ctx, namespace)
	})

	It("obeys a person at every stage, without a failed request", func(ctx SpecContext) {
		before := s.Status.Live.Revision
		By("waiting for approval")
		update(ctx, s, func() {
			s.Spec.Server.MaxBatch = 6
			s.Spec.Promotion.Mode = v1alpha1.ManualPromotion
			s.Spec.Promotion.BakeTime = "5m"
		})
		eventuallyReady(ctx, s, v1alpha1.AwaitingPromotionReason)
		candidate := s.Status.Candidate.Revision

		By("being paused, approved meanwhile, and going on")
		update(ctx, s, func() { s.Spec.Rollout.Paused = ptr.To(true) })
		eventuallyReady(ctx, s, v1alpha1.PausedReason)
		annotate(ctx, s, v1alpha1.PromoteAnnotation+"="+candidate)
		Expect(get(ctx, s)).To(Succeed())
		Expect(s.Status.Live.Revision).To(Equal(before))
		update(ctx, s, func() { s.Spec.Rollout.Paused = ptr.To(false) })
		eventuallyReady(ctx, s, v1alpha1.BakingReason)
		Expect(s.Status.Live.Revision).To(Equal(candidate))

		By("being taken back in its bake")
		annotate(ctx, s, v1alpha1.PromoteAnnotation+"-", v1alpha1.RejectAnnotation+"="+candidate)
		eventuallyRolledBack(ctx, s, v1alpha1.AbortedReason)
		Expect(s.Status.Live.Revision).To(Equal(before))
		Expect(s.Status.History[0].MovedBy).To(Equal(v1alpha1.RejectAnnotation + ", written by kubectl-annotate"))

		By("being tried again, and approved")
		annotate(ctx, s, v1alpha1.RejectAnnotation+"-")
		update(ctx, s, func() {
			s.Spec.Retry = "1"
			s.Spec.Promotion.BakeTime = "10s"
		})
		eventuallyReady(ctx, s, v1alpha1.AwaitingPromotionReason)
		annotate(ctx, s, v1alpha1.PromoteAnnotation+"="+candidate)
		eventuallyServing(ctx, s)
		Expect(s.Status.Live.Revision).To(Equal(candidate))
		update(ctx, s, func() { s.Spec.Promotion.Mode = v1alpha1.AutomaticPromotion })
		expectNoFailure(ctx, namespace)
	})

	It("stays when the next model has learned nothing: that one is rejected by its smoke test", func(ctx SpecContext) {
		live := s.Status.Live.Revision
		run := badRun(namespace, "bad")
		Expect(k8sClient.Create(ctx, run)).To(Succeed())
		eventuallyComplete(ctx, run)
		// Its own figures would have it refused before it starts.
		update(ctx, s, func() {
			s.Spec.Model.TrainingRunRef.Name = "bad"
			s.Spec.Promotion.Chance = v1alpha1.AllowChance
		})
		eventuallyRolledBack(ctx, s, v1alpha1.SmokeFailedReason)
		Expect(s.Status.Live.Revision).To(Equal(live))
		Expect(s.Status.Rejected[0].Model.TrainingRun).To(Equal("bad"))
		Expect(s.Status.Rejected[0].Checks).NotTo(BeEmpty())
		expectNoFailure(ctx, namespace)
	})

	It("survives the manager's death between apply and promotion", func(ctx SpecContext) {
		update(ctx, s, func() {
			s.Spec.Model.TrainingRunRef.Name = "good"
			s.Spec.Server.MaxBatch = 4
		})
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Status.Candidate).NotTo(BeNil())
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(20 * time.Millisecond).Should(Succeed())
		killManager(ctx)
		eventuallyServing(ctx, s)
		expectNoFailure(ctx, namespace)
	})

	It("comes back when the next one fails while it is baked", func(ctx SpecContext) {
		live := s.Status.Live.Revision
		// Its smoke test passes; some seconds after its first real request it answers 500 to everything.
		update(ctx, s, func() { s.Spec.Image = badServerImage })
		var bad string
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Status.Live.Revision).NotTo(Equal(live))
			bad = s.Status.Live.Revision
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())

		back := timeOfSwitch(ctx, namespace, serverName, live)
		failed := finishedAt(ctx, namespace, bad+"-b-")
		eventuallyRolledBack(ctx, s, v1alpha1.BakeFailedReason)
		Expect(s.Status.Live.Revision).To(Equal(live))
		Expect(s.Status.Rejected[0].Revision).To(Equal(bad))

		By("waiting until nobody is answered by it any more")
		Eventually(func(g Gomega) {
			var pods corev1.PodList
			g.Expect(k8sClient.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.RevisionLabel: bad})).To(Succeed())
			g.Expect(pods.Items).To(BeEmpty())
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
		report, err := probed(ctx, namespace)
		Expect(err).NotTo(HaveOccurred())
		// Pooled connections may stay with the old revision, which stays through the bake.
		Expect(report.Fresh.Answers).To(HaveKey(bad))
		Expect(report.Fresh.Statuses[500]).To(BeNumerically(">", 0), "the bad server never answered 500")
		fresh, pooled := report.Fresh.Answers[bad].Last, report.Pooled.Answers[bad].Last
		if pooled.IsZero() {
			pooled = back
		}
		AddReportEntry("rollback", fmt.Sprintf(
			"bake Job failed %.1f s before the Service switched back (the kubelet's clock has whole seconds); last answer of the bad revision %.1f s after the switch on fresh and %.1f s on pooled connections; it answered 500 to %d and %d requests",
			back.Sub(failed.Time).Seconds(), fresh.Sub(back).Seconds(), pooled.Sub(back).Seconds(),
			report.Fresh.Statuses[500], report.Pooled.Statuses[500]))
		for name, stats := range map[string]struct{ failed, refused, answered500 int }{
			"fresh":  {report.Fresh.Failed, report.Fresh.Refused, report.Fresh.Statuses[500]},
			"pooled": {report.Pooled.Failed, report.Pooled.Refused, report.Pooled.Statuses[500]},
		} {
			Expect(stats.failed).To(Equal(stats.answered500), "%s connections failed in other ways than the bad server's 500s: %+v, %+v", name, report.Fresh.Failures, report.Pooled.Failures)
			Expect(stats.refused).To(BeZero())
		}
	})

	It("is not tried again once rejected, and a changed spec is", func(ctx SpecContext) {
		generation := s.Generation
		Consistently(func(g Gomega) {
			g.Expect(get(ctx, s)).To(Succeed())
			g.Expect(s.Status.Candidate).To(BeNil())
			g.Expect(s.Generation).To(Equal(generation))
		}).WithContext(ctx).WithTimeout(3 * time.Second).WithPolling(pollInterval).Should(Succeed())
		update(ctx, s, func() { s.Spec.Image = "" })
		eventuallyServing(ctx, s)
		Expect(reasonOf(s.Status.Conditions, v1alpha1.RolledBackCondition)).To(BeEmpty())
	})

	It("has left its traces in the manager's metrics, and the rules in its log", func(ctx SpecContext) {
		samples := scrapeManager(ctx)
		mine := []string{"namespace=" + namespace, "modelserver=" + serverName}
		Expect(samples.Find("trainyard_modelserver_live_info", append(mine, "revision="+s.Status.Live.Revision, "trainingrun=good")...)).To(HaveLen(1))
		Expect(samples.Find("trainyard_modelserver_ready", append(mine, "reason=Serving")...)).To(ConsistOf(HaveField("Value", 1.0)))
		expectCounted(samples, // since the manager was killed
			[]string{"trainyard_objects", "kind=TrainingRun", "ready=True", "reason=ModelPublished"},
			[]string{"trainyard_rollout_decisions_total", "rule=finishBake"},
			[]string{"trainyard_rollouts_ended_total", "result=Succeeded", "reason=Baked"},
			[]string{"trainyard_rollouts_ended_total", "result=RolledBack", "reason=BakeFailed"},
			[]string{"trainyard_rollout_switch_back_duration_seconds_count"},
			[]string{"trainyard_rollout_test_duration_seconds_count", "test=smoke", "result=Passed"},
			[]string{"trainyard_rollout_test_duration_seconds_count", "test=bake", "result=Passed"},
			[]string{"trainyard_rollout_test_duration_seconds_count", "test=bake", "result=Failed"},
			[]string{"trainyard_api_writes_total", "kind=Service", "verb=patch", "result=Written"},
			[]string{"trainyard_api_writes_total", "kind=ModelServer", "subresource=status", "verb=patch", "result=Written"},
		)
		for _, name := range []string{"trainyard_trainingruns_ended_total", "trainyard_trainingrun_duration_seconds_count", "trainyard_progress_polls_total", "trainyard_progress_poll_failures_total"} {
			Expect(samples.Find(name)).NotTo(BeEmpty(), name)
		}
		AddReportEntry("metrics", fmt.Sprintf("means by the manager's metrics: smoke tests that passed %.1f s, bakes %.1f s, switch back %.1f s",
			mean(samples, "trainyard_rollout_test_duration_seconds", "test=smoke", "result=Passed"),
			mean(samples, "trainyard_rollout_test_duration_seconds", "test=bake", "result=Passed"),
			mean(samples, "trainyard_rollout_switch_back_duration_seconds")))
		Expect(managerLog(ctx)).To(MatchRegexp(`Rollout ended.*"rule": ?"switchBack".*"result": ?"RolledBack"`))
	})
})

// annotate sets annotations of a ModelServer, or removes those that end in -, as people do.
func annotate(ctx context.Context, s *v1alpha1.ModelServer, annotations ...string) {
	GinkgoHelper()
	call(ctx, kubectl, append([]string{"annotate", "--overwrite", "--namespace=" + s.Namespace, "msrv", s.Name}, annotations...)...)
}

// update changes a ModelServer's spec.
func update(ctx context.Context, s *v1alpha1.ModelServer, change func()) {
	GinkgoHelper()
	Expect(get(ctx, s)).To(Succeed())
	base := s.DeepCopy()
	change()
	Expect(k8sClient.Patch(ctx, s, client.MergeFrom(base))).To(Succeed())
}

// modelInfo asks the Service which model it serves.
func modelInfo(ctx context.Context, namespace, server string) map[string]any {
	GinkgoHelper()
	data, err := clientset.CoreV1().RESTClient().Get().Namespace(namespace).Resource("services").
		Name(server + ":http").SubResource("proxy").Suffix("model-info").DoRaw(ctx)
	Expect(err).NotTo(HaveOccurred())
	info := map[string]any{}
	Expect(json.Unmarshal(data, &info)).To(Succeed())
	return info
}

// prediction is an answer of a ModelServer.
type prediction struct {
	Class         string             `json:"class"`
	Probabilities map[string]float64 `json:"probabilities"`
}

// predict asks the Service about a picture.
func predict(ctx context.Context, namespace, server, contentType string, picture []byte) prediction {
	GinkgoHelper()
	data, err := clientset.CoreV1().RESTClient().Post().Namespace(namespace).Resource("services").
		Name(server+":http").SubResource("proxy").Suffix("predict").SetHeader("Content-Type", contentType).Body(picture).DoRaw(ctx)
	Expect(err).NotTo(HaveOccurred())
	var answer prediction
	Expect(json.Unmarshal(data, &answer)).To(Succeed())
	return answer
}

// timeOfSwitch waits until the Service selects a revision and returns when it did.
func timeOfSwitch(ctx context.Context, namespace, server, revision string) time.Time {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, rolloutLimit)
	defer cancel()
	services, err := k8sClient.Watch(ctx, &corev1.ServiceList{}, client.InNamespace(namespace))
	Expect(err).NotTo(HaveOccurred())
	defer services.Stop()
	for {
		select {
		case <-ctx.Done():
			Fail("the Service never selected revision " + revision)
		case e := <-services.ResultChan():
			if service, ok := e.Object.(*corev1.Service); ok && service.Name == server && service.Spec.Selector[v1alpha1.RevisionLabel] == revision {
				return time.Now()
			}
		}
	}
}
