// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// digestOf makes a model digest from a letter or digit.
func digestOf(c string) string { return strings.Repeat(c, 64) }

// publish makes a Complete TrainingRun whose model has the digest made from c.
func publish(ctx context.Context, namespace, name, c string) {
	GinkgoHelper()
	publishModel(ctx, namespace, name, c, v1alpha1.BetterThanChance, v1alpha1.Metric{Name: "accuracy", Value: "0.95"})
}

// publishModel is publish for a model that is, beside guessing, and has the accuracy, as said.
func publishModel(ctx context.Context, namespace, name, c string, chance v1alpha1.Chance, accuracy v1alpha1.Metric) {
	GinkgoHelper()
	// A suspended run has no Job that could get in the way of its status.
	run := wrappers.MakeTrainingRun(name, namespace).Suspend(true).Obj()
	Expect(k8s.Create(ctx, run)).To(Succeed())
	done := wrappers.MakeTrainingRun(name, namespace).Generation(run.Generation).Complete(v1alpha1.PublishedModel{
		URI: "pvc://models/" + name + "/model.onnx", SHA256: digestOf(c), ClassCount: 2, Classes: []string{"cat", "dog"},
		Samples: &v1alpha1.PublishedSamples{URI: "pvc://models/" + name + "/samples.tar", SHA256: digestOf(c)},
		Chance:  chance, ChanceAccuracy: "0.525",
	}, accuracy).Obj()
	Eventually(func() error {
		if err := k8s.Get(ctx, client.ObjectKeyFromObject(run), run); err != nil {
			return err
		}
		run.Status = done.Status
		return k8s.Status().Update(ctx, run)
	}).Should(Succeed())
}

// servers reads the ModelServer of a case, which is called pets.
type servers struct{ namespace string }

// startServers makes a namespace with a cluster that plays in it, where the TrainingRuns
// run-1 and run-2 have published the models "1" and "2".
func startServers(ctx context.Context) (*fakeCluster, servers) {
	GinkgoHelper()
	pets := servers{namespace: makeNamespace(ctx)}
	cluster := startCluster(pets.namespace, 20*time.Millisecond)
	publish(ctx, pets.namespace, "run-1", "1")
	publish(ctx, pets.namespace, "run-2", "2")
	return cluster, pets
}

func (s servers) get(ctx context.Context) *v1alpha1.ModelServer {
	GinkgoHelper()
	server := &v1alpha1.ModelServer{}
	Expect(k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "pets"}, server)).To(Succeed())
	return server
}

// serve has the server's spec name another run.
func (s servers) serve(ctx context.Context, run string) {
	GinkgoHelper()
	s.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Model.TrainingRunRef.Name = run })
}

func (s servers) update(ctx context.Context, change func(*v1alpha1.ModelServer)) {
	GinkgoHelper()
	server := s.get(ctx)
	before := client.MergeFrom(server.DeepCopy())
	change(server)
	Expect(k8s.Patch(ctx, server, before)).To(Succeed())
}

// reaches waits until Ready's reason is this one, for the newest spec.
func (s servers) reaches(ctx context.Context, reason string) *v1alpha1.ModelServer {
	GinkgoHelper()
	var server *v1alpha1.ModelServer
	Eventually(func(g Gomega) {
		server = s.get(ctx)
		ready := meta.FindStatusCondition(server.Status.Conditions, v1alpha1.ReadyCondition)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(ready.Reason).To(Equal(reason), ready.Message)
		g.Expect(ready.ObservedGeneration).To(Equal(server.Generation))
	}).Should(Succeed())
	return server
}

// deployments returns the names of the revisions that exist.
func (s servers) deployments(ctx context.Context) []string {
	GinkgoHelper()
	list := &appsv1.DeploymentList{}
	Expect(k8s.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names
}

// condition returns the status and reason of a condition, or nothing.
func condition(server *v1alpha1.ModelServer, conditionType string) string {
	c := meta.FindStatusCondition(server.Status.Conditions, conditionType)
	if c == nil {
		return ""
	}
	return fmt.Sprintf("%s/%s", c.Status, c.Reason)
}

// message returns the message of a condition, or nothing.
func message(server *v1alpha1.ModelServer, conditionType string) string {
	if c := meta.FindStatusCondition(server.Status.Conditions, conditionType); c != nil {
		return c.Message
	}
	return ""
}

var _ = Describe("ModelServer", func() {
	var (
		cluster *fakeCluster
		pets    servers
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
		publish(ctx, pets.namespace, "run-3", "3")
	})
	create := func(ctx context.Context, w *wrappers.ModelServerWrapper) {
		GinkgoHelper()
		Expect(k8s.Create(ctx, w.Obj())).To(Succeed())
	}
	serving := func(ctx context.Context) *v1alpha1.ModelServer {
		GinkgoHelper()
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1"))
		return pets.reaches(ctx, v1alpha1.ServingReason)
	}

	It("rolls out the first model", func(ctx SpecContext) {
		server := serving(ctx)
		status := server.Status
		Expect(condition(server, v1alpha1.ReadyCondition)).To(Equal("True/Serving"))
		Expect(condition(server, v1alpha1.ModelResolvedCondition)).To(Equal("True/Resolved"))
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
		Expect(condition(server, v1alpha1.ReconcilingCondition)).To(BeEmpty())
		Expect(status.Live.Model).To(Equal(v1alpha1.RevisionModel{URI: "pvc://models/run-1/model.onnx", SHA256: digestOf("1"), TrainingRun: "run-1"}))
		Expect(status.Live.Image).To(Equal(serverImage))
		Expect(status.Live.Metrics).To(ConsistOf(v1alpha1.Metric{Name: "accuracy", Value: "0.95"}))
		Expect(status.URL).To(Equal("http://pets." + pets.namespace + ".svc"))
		Expect(status.Selector).To(Equal("trainyard.dev/revision=" + status.Live.Revision))
		Expect(*status.Replicas).To(BeEquivalentTo(1))
		Expect(status.Candidate).To(BeNil())
		Expect(pets.deployments(ctx)).To(ConsistOf(status.Live.Revision))
		Eventually(func(g Gomega) {
			jobs := &batchv1.JobList{}
			g.Expect(k8s.List(ctx, jobs, client.InNamespace(pets.namespace), client.HasLabels{v1alpha1.ModelServerLabel})).To(Succeed())
			g.Expect(jobs.Items).To(BeEmpty())
		}).Should(Succeed())
	})

	It("rolls out the next model and retires the one before", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Model.TrainingRun).To(Equal("run-2"))
		Expect(server.Status.Fallback).To(BeNil())
		Expect(server.Status.History).To(HaveLen(1))
		Expect(server.Status.History[0].Revision).To(Equal(first))
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(server.Status.Live.Revision))
		Expect(cluster.selections()).To(Equal([]string{first, server.Status.Live.Revision}))
	})

	It("keeps the fallback at hand while live bakes", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.SmokingReason)
		Expect(server.Status.Candidate.Stage).To(Equal(v1alpha1.CandidateSmoking))
		Expect(server.Status.Live.Revision).To(Equal(first))
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
	})

	It("lets go of a Deployment that somebody has taken over", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		Expect(pets.reaches(ctx, v1alpha1.BakingReason).Status.Fallback.Revision).To(Equal(first))

		fallback := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: first, Namespace: pets.namespace}}
		change(ctx, fallback, takenOver)
		Eventually(func() *v1alpha1.LiveRevision { return pets.get(ctx).Status.Fallback }).Should(BeNil())
		Consistently(func() error { return k8s.Get(ctx, client.ObjectKeyFromObject(fallback), fallback) }, "1s").Should(Succeed())
	})

	It("rejects a model that fails its smoke test and leaves live alone", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		cluster.model(digestOf("2"), failsSmoke)
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.SmokeFailedReason)
		Expect(condition(server, v1alpha1.StalledCondition)).To(Equal("True/SmokeFailed"))
		Expect(condition(server, v1alpha1.RolledBackCondition)).To(Equal("True/SmokeFailed"))
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("True/MinimumReplicasAvailable"))
		Expect(server.Status.Live.Revision).To(Equal(first))
		Expect(server.Status.Rejected).To(HaveLen(1))
		Expect(server.Status.Rejected[0].Model.TrainingRun).To(Equal("run-2"))
		Expect(server.Status.Rejected[0].Checks).To(ConsistOf(HaveField("Name", "quality")))
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
		Expect(cluster.selections()).To(Equal([]string{first}))

		By("trying it again under another policy")
		cluster.model(digestOf("2"), behavesWell)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Smoke.MinAgreement = "0.5" })
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Model.TrainingRun).To(Equal("run-2"))
		Expect(server.Status.Rejected).To(BeEmpty())
		Expect(condition(server, v1alpha1.RolledBackCondition)).To(BeEmpty())
	})

	It("rejects a model that its server refuses", func(ctx SpecContext) {
		cluster.model(digestOf("1"), refusesModel)
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1"))
		server := pets.reaches(ctx, v1alpha1.ModelInvalidReason)
		Expect(server.Status.Rejected[0].Message).To(ContainSubstring("digest differs"))
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("False/NoLiveRevision"))
		Expect(condition(server, v1alpha1.RolledBackCondition)).To(BeEmpty())
	})

	It("rejects a model that misses a gate without starting it", func(ctx SpecContext) {
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Gate("accuracy", "0.99"))
		server := pets.reaches(ctx, v1alpha1.GateNotMetReason)
		Expect(server.Status.Rejected[0].Message).To(Equal("metric accuracy is 0.95; spec.promotion.gates requires 0.99 at least"))
		Expect(pets.deployments(ctx)).To(BeEmpty())
	})

	Context("with models that few pictures tell from guessing", func() {
		// On 40 and 60 pictures.
		first := v1alpha1.Metric{Name: "accuracy", Value: "0.375", Interval: v1alpha1.MetricInterval{Low: "0.2273", High: "0.542"}}
		mislabeled := v1alpha1.Metric{Name: "accuracy", Value: "0.5", Interval: v1alpha1.MetricInterval{Low: "0.3681", High: "0.6319"}}
		worse := v1alpha1.Metric{Name: "accuracy", Value: "0.7", Interval: v1alpha1.MetricInterval{Low: "0.5679", High: "0.8115"}}
		BeforeEach(func(ctx SpecContext) {
			publishModel(ctx, pets.namespace, "guesses", "a", v1alpha1.NoBetterThanChance, first)
			publishModel(ctx, pets.namespace, "mislabeled", "b", v1alpha1.NoBetterThanChance, mislabeled)
			publishModel(ctx, pets.namespace, "worse", "c", v1alpha1.BetterThanChance, worse)
			publishModel(ctx, pets.namespace, "old", "d", "", worse)
		})

		It("refuses one as the first, until that is allowed", func(ctx SpecContext) {
			create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "guesses"))
			server := pets.reaches(ctx, v1alpha1.NoBetterThanChanceReason)
			Expect(server.Spec.Promotion.Chance).To(Equal(v1alpha1.RejectChance))
			Expect(server.Status.Rejected[0].Message).To(Equal("the model is no better than guessing: its accuracy on the test split, 0.375 " +
				"(with a confidence of 95 % from 0.2273 to 0.542), is not above that of always naming the most frequent class, 0.525, with a confidence of 99 %: " +
				"train on more images, check their labels, or set spec.promotion.chance to Allow"))
			Expect(condition(server, v1alpha1.StalledCondition)).To(Equal("True/NoBetterThanChance"))
			Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("False/NoLiveRevision"))
			Expect(pets.deployments(ctx)).To(BeEmpty())

			pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Promotion.Chance = v1alpha1.AllowChance })
			server = pets.reaches(ctx, v1alpha1.ServingReason)
			Expect(server.Status.Live.Model.TrainingRun).To(Equal("guesses"))
			Expect(message(server, v1alpha1.ReadyCondition)).To(ContainSubstring("the model is no better than guessing: its accuracy on the test split, 0.375"))

			By("keeping what is live once that isn't allowed any more")
			pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Promotion.Chance = v1alpha1.RejectChance })
			server = pets.reaches(ctx, v1alpha1.ServingReason)
			Expect(server.Status.Live.Model.TrainingRun).To(Equal("guesses"))
		})

		It("refuses a mislabeled one whatever its smoke test would say", func(ctx SpecContext) {
			before := serving(ctx).Status.Live.Revision
			pets.serve(ctx, "mislabeled")
			server := pets.reaches(ctx, v1alpha1.NoBetterThanChanceReason)
			Expect(server.Status.Live.Revision).To(Equal(before))
			Expect(server.Status.Rejected[0].Message).To(ContainSubstring("0.5 (with a confidence of 95 % from 0.3681 to 0.6319), is not above"))
			Expect(condition(server, v1alpha1.RolledBackCondition)).To(Equal("True/NoBetterThanChance"))
			Expect(pets.deployments(ctx)).To(ConsistOf(before))
			Expect(cluster.selections()).To(Equal([]string{before}))
		})

		It("promotes one that is less accurate, as its smoke test lets it through", func(ctx SpecContext) {
			serving(ctx)
			pets.serve(ctx, "worse")
			server := pets.reaches(ctx, v1alpha1.ServingReason)
			Expect(server.Status.Live.Model.TrainingRun).To(Equal("worse"))
			Expect(message(server, v1alpha1.ReadyCondition)).NotTo(ContainSubstring("guessing"))
		})

		It("promotes one whose run hasn't compared it, and says so", func(ctx SpecContext) {
			create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "old"))
			Expect(message(pets.reaches(ctx, v1alpha1.ServingReason), v1alpha1.ReadyCondition)).To(
				HaveSuffix("whether the model is better than guessing could not be judged, because TrainingRun old left no comparison"))
		})
	})

	It("switches back in one write when a bake fails", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		cluster.model(digestOf("2"), failsBake)
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.BakeFailedReason)
		second := server.Status.Rejected[0].Revision
		Expect(server.Status.Live.Revision).To(Equal(first))
		Expect(condition(server, v1alpha1.RolledBackCondition)).To(Equal("True/BakeFailed"))
		Expect(server.Status.History[0].Reason).To(Equal("BakeFailed"))
		Expect(server.Status.History[0].MovedBy).To(Equal("Trainyard"))
		Expect(cluster.selections()).To(Equal([]string{first, second, first}))
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
	})

	It("keeps the first model selected when its bake fails, until the next spec", func(ctx SpecContext) {
		cluster.model(digestOf("1"), failsBake)
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1"))
		server := pets.reaches(ctx, v1alpha1.BakeFailedReason)
		Expect(server.Status.Live.Model.TrainingRun).To(Equal("run-1"))
		Expect(condition(server, v1alpha1.RolledBackCondition)).To(BeEmpty())
		pets.serve(ctx, "run-2")
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Model.TrainingRun).To(Equal("run-2"))
	})

	It("replaces a candidate when the spec moves on", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		cluster.model(digestOf("2"), neverReady)
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.StartingReason)
		Expect(server.Status.Candidate).NotTo(BeNil())
		pets.serve(ctx, "run-3")
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Model.TrainingRun).To(Equal("run-3"))
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(server.Status.Live.Revision))
		Expect(cluster.selections()).To(Equal([]string{first, server.Status.Live.Revision}))

		By("going back to live's model while another candidate starts")
		pets.serve(ctx, "run-2")
		pets.reaches(ctx, v1alpha1.StartingReason)
		pets.serve(ctx, "run-3")
		pets.reaches(ctx, v1alpha1.ServingReason)
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(server.Status.Live.Revision))
	})

	It("tells that a candidate's pods are refused, and takes it back when they aren't", func(ctx SpecContext) {
		serving(ctx)
		cluster.model(digestOf("2"), podsRefused)
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.StartingReason)
		candidate := server.Status.Candidate.Revision
		refused := "0 of 1 replicas of revision " + candidate + " are available; pods of Deployment " + candidate + " can't be created: " + quotaSays +
			"; raise the quota, or ask for less in spec.podTemplate.resources"
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(Equal(refused))
		Expect(condition(pets.get(ctx), v1alpha1.ReconcilingCondition)).To(Equal("True/Starting"))
		cluster.model(digestOf("2"), behavesWell)
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(message(server, v1alpha1.ReadyCondition)).NotTo(ContainSubstring("quota"))
	})

	It("tells that live's pods are refused, while another model is rejected too", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		cluster.model(digestOf("1"), podsRefused)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Replicas = ptr.To[int32](3) })
		pets.reaches(ctx, v1alpha1.UnavailableReason)
		refused := "1 of 3 replicas of revision " + first + " are available; pods of Deployment " + first + " can't be created: exceeded quota: q"
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).Should(HavePrefix(refused))
		cluster.model(digestOf("2"), failsSmoke)
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.SmokeFailedReason)
		Expect(condition(server, v1alpha1.AvailableCondition)).To(Equal("False/MinimumReplicasUnavailable"))
		Expect(message(server, v1alpha1.AvailableCondition)).To(HavePrefix(refused))
	})

	It("finds in the events of a test's Job that its pod is refused", func(ctx SpecContext) {
		serving(ctx)
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		candidate := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		job := pets.test(ctx, candidate, "smoke")
		Expect(k8s.Create(ctx, &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{GenerateName: "job-", Namespace: pets.namespace},
			InvolvedObject: corev1.ObjectReference{Kind: "Job", Namespace: pets.namespace, Name: job.Name, UID: job.UID},
			Reason:         "FailedCreate", Message: `Error creating: pods "pets-x" is forbidden: ` + quotaSays, Type: corev1.EventTypeWarning,
			LastTimestamp: metav1.Now(),
		})).To(Succeed())
		clk.Step(startGrace)
		Expect(k8s.Patch(ctx, job, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"touched":"yes"}}}`)))).To(Succeed())
		Eventually(func() string { return message(pets.get(ctx), v1alpha1.ReadyCondition) }).
			Should(ContainSubstring("the pod of Job " + job.Name + " can't be created: " + quotaSays + "; raise the quota"))
		Expect(condition(pets.get(ctx), v1alpha1.ReconcilingCondition)).To(Equal("True/Smoking"))
	})

	It("serves on while the spec's model can't be resolved", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		pets.serve(ctx, "run-4")
		server := pets.reaches(ctx, v1alpha1.TrainingRunNotFoundReason)
		Expect(condition(server, v1alpha1.ModelResolvedCondition)).To(Equal("False/TrainingRunNotFound"))
		Expect(condition(server, v1alpha1.ReconcilingCondition)).To(Equal("True/TrainingRunNotFound"))
		Expect(server.Status.Live.Revision).To(Equal(first))

		By("creating the run, and completing it")
		publish(ctx, pets.namespace, "run-4", "4")
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(server.Status.Live.Model.TrainingRun).To(Equal("run-4"))
	})

	It("scales by the scale subresource and keeps what an autoscaler has written", func(ctx SpecContext) {
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Autoscaling(2, 5))
		server := pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(*server.Status.Replicas).To(BeEquivalentTo(2))
		autoscaler := &autoscalingv2.HorizontalPodAutoscaler{}
		Eventually(func() error { return k8s.Get(ctx, client.ObjectKeyFromObject(server), autoscaler) }).Should(Succeed())
		Expect(autoscaler.Spec.ScaleTargetRef).To(Equal(autoscalingv2.CrossVersionObjectReference{Kind: "ModelServer", Name: "pets", APIVersion: "trainyard.dev/v1alpha1"}))
		Expect(autoscaler.Spec.Metrics[0].ContainerResource.Container).To(Equal("server"))

		scale := &autoscalingv1.Scale{}
		Expect(k8s.SubResource("scale").Get(ctx, server, scale)).To(Succeed())
		Expect(scale.Status.Selector).To(Equal(server.Status.Selector))
		scale.Spec.Replicas = 4
		Expect(k8s.SubResource("scale").Update(ctx, server, client.WithSubResourceBody(scale))).To(Succeed())
		Eventually(func() int32 { return *pets.get(ctx).Status.ReadyReplicas }).Should(BeEquivalentTo(4))

		By("rolling out another model at that size")
		pets.serve(ctx, "run-2")
		server = pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(*server.Spec.Replicas).To(BeEquivalentTo(4))
		Expect(*server.Status.ReadyReplicas).To(BeEquivalentTo(4))

		By("turning autoscaling off")
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Autoscaling = nil })
		Eventually(func() error { return k8s.Get(ctx, client.ObjectKeyFromObject(server), autoscaler) }).ShouldNot(Succeed())
	})

	It("doesn't touch a stranger's Service", func(ctx SpecContext) {
		stranger := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "pets", Namespace: pets.namespace},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1234}}, Selector: map[string]string{"app": "other"}},
		}
		Expect(k8s.Create(ctx, stranger)).To(Succeed())
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1"))
		server := pets.reaches(ctx, v1alpha1.NameConflictReason)
		Expect(condition(server, v1alpha1.StalledCondition)).To(Equal("True/NameConflict"))
		after := &corev1.Service{}
		Expect(k8s.Get(ctx, client.ObjectKeyFromObject(stranger), after)).To(Succeed())
		Expect(after.ResourceVersion).To(Equal(stranger.ResourceVersion))
		Expect(pets.deployments(ctx)).To(BeEmpty())
	})

	It("changes the Service's port and type without moving traffic", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.Service = v1alpha1.Service{Type: corev1.ServiceTypeNodePort, Port: 8080}
		})
		service := &corev1.Service{}
		Eventually(func(g Gomega) {
			g.Expect(k8s.Get(ctx, client.ObjectKey{Namespace: pets.namespace, Name: "pets"}, service)).To(Succeed())
			g.Expect(service.Spec.Type).To(Equal(corev1.ServiceTypeNodePort))
			g.Expect(service.Spec.Ports[0].Port).To(BeEquivalentTo(8080))
			g.Expect(service.Spec.Ports[0].NodePort).NotTo(BeZero())
		}).Should(Succeed())
		Expect(service.Spec.Selector).To(Equal(map[string]string{"trainyard.dev/revision": first}))
		Eventually(func() string { return pets.get(ctx).Status.URL }).Should(HaveSuffix(".svc:8080"))
	})

	It("leaves the Service's address families, and what a load balancer is told, to others", func(ctx SpecContext) {
		first := serving(ctx).Status.Live.Revision
		service := &corev1.Service{}
		Expect(k8s.Get(ctx, client.ObjectKey{Namespace: pets.namespace, Name: "pets"}, service)).To(Succeed())
		base := service.DeepCopy()
		service.Spec.IPFamilyPolicy = ptr.To(corev1.IPFamilyPolicyPreferDualStack)
		metav1.SetMetaDataAnnotation(&service.ObjectMeta, "example.com/load-balancer", "internal")
		Expect(k8s.Patch(ctx, service, client.MergeFrom(base))).To(Succeed())
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.Service = v1alpha1.Service{Type: corev1.ServiceTypeLoadBalancer, Port: 8080}
		})
		Eventually(func(g Gomega) {
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(service), service)).To(Succeed())
			g.Expect(service.Spec.Type).To(Equal(corev1.ServiceTypeLoadBalancer))
		}).Should(Succeed())
		Expect(service.Spec.IPFamilyPolicy).To(HaveValue(Equal(corev1.IPFamilyPolicyPreferDualStack)))
		Expect(service.Annotations).To(HaveKeyWithValue("example.com/load-balancer", "internal"))
		Expect(service.Spec.Selector).To(Equal(map[string]string{"trainyard.dev/revision": first}))
	})

	It("makes a lost record again", func(ctx SpecContext) {
		live := serving(ctx).Status.Live
		first := live.Revision
		clk.Step(time.Minute)
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "pets", Namespace: pets.namespace}}
		Expect(k8s.Delete(ctx, service)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(service), service)).To(Succeed())
			g.Expect(service.Spec.Selector).To(HaveKeyWithValue("trainyard.dev/revision", first))
		}).Should(Succeed())
		Eventually(func(g Gomega) {
			list := &eventsv1.EventList{}
			g.Expect(k8s.List(ctx, list, client.InNamespace(pets.namespace))).To(Succeed())
			g.Expect(list.Items).To(ContainElement(And(
				HaveField("Reason", "RolloutRepaired"), HaveField("Note", ContainSubstring("the Service was deleted outside Trainyard")))))
		}).Should(Succeed())
		pets.reaches(ctx, v1alpha1.ServingReason)
		Expect(pets.deployments(ctx)).To(ConsistOf(first))
		Expect(pets.get(ctx).Status.Live).To(Equal(live))
	})

	It("sets right what somebody has written into its status", func(ctx SpecContext) {
		serving(ctx)
		Eventually(func() int { return len(pets.jobs(ctx)) }).Should(BeZero())
		pets.staysAsItIs(ctx) // nothing else has it reconciled
		server := pets.get(ctx)
		before := server.Status.DeepCopy()
		base := client.MergeFrom(server.DeepCopy())
		server.Status.Live.Revision = "other"
		server.Status.Replicas = ptr.To[int32](7)
		server.Status.Conditions[0].Message = "all is well"
		Expect(k8s.Status().Patch(ctx, server, base)).To(Succeed())
		Eventually(func() v1alpha1.ModelServerStatus { return pets.get(ctx).Status }).Should(Equal(*before))
	})

	It("writes nothing when nothing has changed", func(ctx SpecContext) {
		serving(ctx)
		Eventually(func() int { return len(pets.jobs(ctx)) }).Should(BeZero())
		pets.staysAsItIs(ctx)
	})
})

// staysAsItIs wakes the controller a few times, by a label that it doesn't look at, and
// expects it to write nothing.
func (s servers) staysAsItIs(ctx context.Context) {
	GinkgoHelper()
	s.comesToRest(ctx)
	before := s.versions(ctx)
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: s.deployments(ctx)[0], Namespace: s.namespace}}
	for i := range 3 {
		patch := fmt.Sprintf(`{"metadata":{"labels":{"touched":"%d"}}}`, i)
		Expect(k8s.Patch(ctx, deployment, client.RawPatch(types.MergePatchType, []byte(patch)))).To(Succeed())
	}
	Consistently(func() map[string]string { return s.versions(ctx) }).Should(Equal(before))
}

// comesToRest waits until what was done last has had its effects: status may say Serving before a change shows in it, as
// well as after. Eventually asks at once for the first time, so that two answers that are the same aren't enough.
func (s servers) comesToRest(ctx context.Context) {
	GinkgoHelper()
	last, since := s.versions(ctx), time.Now()
	Eventually(func() time.Duration {
		if now := s.versions(ctx); !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		return time.Since(since)
	}).Should(BeNumerically(">=", 500*time.Millisecond))
}

func (s servers) jobs(ctx context.Context) []batchv1.Job {
	GinkgoHelper()
	jobs := &batchv1.JobList{}
	Expect(k8s.List(ctx, jobs, client.InNamespace(s.namespace), client.HasLabels{v1alpha1.ModelServerLabel})).To(Succeed())
	return jobs.Items
}

// versions returns the versions of the server, its Service, what keeps the templates of
// its revisions, and its events.
func (s servers) versions(ctx context.Context) map[string]string {
	GinkgoHelper()
	service := &corev1.Service{}
	Expect(k8s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "pets"}, service)).To(Succeed())
	list := &eventsv1.EventList{}
	Expect(k8s.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
	versions := map[string]string{"server": s.get(ctx).ResourceVersion, "service": service.ResourceVersion}
	for i := range list.Items {
		versions[list.Items[i].Name] = list.Items[i].ResourceVersion
	}
	for _, kept := range s.templates(ctx) {
		versions[kept.Name] = kept.ResourceVersion
	}
	return versions
}
