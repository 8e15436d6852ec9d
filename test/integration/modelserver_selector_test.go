// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"cmp"
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// ended is a TrainingRun that has published a model, with what a selector and gates go by.
type ended struct {
	name, digest string // of the model, made from a letter or digit
	minute       int    // when it ended
	accuracy     string
	testSplit    string
	chance       v1alpha1.Chance // better than that if empty
}

// publishEnded makes a Complete TrainingRun with label app=pets.
func publishEnded(ctx context.Context, namespace string, e ended) {
	GinkgoHelper()
	run := wrappers.MakeTrainingRun(e.name, namespace).Suspend(true).Label("app", "pets").Obj()
	Expect(k8s.Create(ctx, run)).To(Succeed())
	done := wrappers.MakeTrainingRun(e.name, namespace).Generation(run.Generation).Complete(v1alpha1.PublishedModel{
		URI: "pvc://models/" + e.name + "/model.onnx", SHA256: digestOf(e.digest), ClassCount: 2, Classes: []string{"cat", "dog"},
		Samples: &v1alpha1.PublishedSamples{URI: "pvc://models/" + e.name + "/samples.tar", SHA256: digestOf(e.digest)},
		Chance:  cmp.Or(e.chance, v1alpha1.BetterThanChance), ChanceAccuracy: "0.525",
	}, v1alpha1.Metric{Name: "accuracy", Value: e.accuracy}).Obj()
	done.Status.CompletionTime = &metav1.Time{Time: time.Date(2026, 1, 1, 0, e.minute, 0, 0, time.UTC)}
	done.Status.Lineage = &v1alpha1.Lineage{Dataset: &v1alpha1.DatasetLineage{TestSplitDigest: e.testSplit}}
	Eventually(func() error {
		if err := k8s.Get(ctx, client.ObjectKeyFromObject(run), run); err != nil {
			return err
		}
		run.Status = done.Status
		return k8s.Status().Update(ctx, run)
	}).Should(Succeed())
}

// serves waits until the server is Ready with the model of a run.
func (s servers) serves(ctx context.Context, run string) *v1alpha1.ModelServer {
	GinkgoHelper()
	var server *v1alpha1.ModelServer
	Eventually(func(g Gomega) {
		server = s.get(ctx)
		g.Expect(condition(server, v1alpha1.ReadyCondition)).To(Equal("True/Serving"), message(server, v1alpha1.ReadyCondition))
		g.Expect(server.Status.ObservedGeneration).To(Equal(server.Generation))
		g.Expect(server.Status.Live.Model.TrainingRun).To(Equal(run))
	}).Should(Succeed())
	return server
}

// passesOver waits until the server says that it has passed runs over, the newest first, each with its reason.
func (s servers) passesOver(ctx context.Context, want ...string) *v1alpha1.ModelServer {
	GinkgoHelper()
	var server *v1alpha1.ModelServer
	Eventually(func(g Gomega) {
		server = s.get(ctx)
		g.Expect(server.Status.Selection).NotTo(BeNil())
		var got []string
		for _, run := range server.Status.Selection.PassedOver {
			got = append(got, run.TrainingRun+" "+run.Reason)
		}
		g.Expect(got).To(Equal(want))
	}).Should(Succeed())
	return server
}

// notes returns what the namespace's events with a reason say.
func (s servers) notes(ctx context.Context, reason string) []string {
	GinkgoHelper()
	list := &eventsv1.EventList{}
	Expect(k8s.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
	var notes []string
	for i := range list.Items {
		if list.Items[i].Reason == reason {
			notes = append(notes, list.Items[i].Note)
		}
	}
	return notes
}

// margins are those that the smoke tests of the namespace are told.
func (s servers) margins(ctx context.Context) []string {
	GinkgoHelper()
	var margins []string
	for _, job := range s.jobs(ctx) {
		var config contract.SmokeConfig
		Expect(decodeConfig(&job.Spec.Template.Spec, &config)).To(Succeed())
		margins = append(margins, fmt.Sprint(ptr.Deref(config.Margin, -1)))
	}
	return margins
}

var _ = Describe("ModelServer, whose spec selects runs by their labels", func() {
	var (
		cluster *fakeCluster
		pets    servers
	)
	BeforeEach(func(ctx SpecContext) {
		pets = servers{namespace: makeNamespace(ctx)}
		cluster = startCluster(pets.namespace, 20*time.Millisecond)
	})
	run := func(ctx context.Context, name, digest string, minute int, accuracy string) {
		GinkgoHelper()
		publishEnded(ctx, pets.namespace, ended{name: name, digest: digest, minute: minute, accuracy: accuracy, testSplit: "sha256:1"})
	}
	create := func(ctx context.Context, w *wrappers.ModelServerWrapper) {
		GinkgoHelper()
		Expect(k8s.Create(ctx, w.Selector("app", "pets").Obj())).To(Succeed())
	}
	relabel := func(ctx context.Context, name, value string) {
		GinkgoHelper()
		run := &v1alpha1.TrainingRun{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: pets.namespace}}
		Expect(k8s.Get(ctx, client.ObjectKeyFromObject(run), run)).To(Succeed())
		before := client.MergeFrom(run.DeepCopy())
		run.Labels["app"] = value
		Expect(k8s.Patch(ctx, run, before)).To(Succeed())
	}
	remove := func(ctx context.Context, name string) {
		GinkgoHelper()
		Expect(k8s.Delete(ctx, &v1alpha1.TrainingRun{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: pets.namespace}})).To(Succeed())
	}

	It("serves the newest, and the next one without an edit", func(ctx SpecContext) {
		run(ctx, "newer", "2", 2, "0.95")
		run(ctx, "older", "1", 1, "0.99")
		publish(ctx, pets.namespace, "another", "3") // without the label
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, ""))
		server := pets.serves(ctx, "newer")
		Expect(server.Status.Selection).To(Equal(&v1alpha1.RunSelection{TrainingRun: "newer", Complete: 2}))
		Expect(message(server, v1alpha1.ModelResolvedCondition)).To(Equal("pvc://models/newer/model.onnx of TrainingRun newer, which matches app=pets"))

		run(ctx, "newest", "4", 3, "0.95")
		after := pets.serves(ctx, "newest")
		Expect(after.Generation).To(Equal(server.Generation))
		Expect(after.Status.History[0].MovedBy).To(Equal("spec.model.trainingRunSelector, which chose TrainingRun newest"))
		Expect(cluster.selections()).To(Equal([]string{server.Status.Live.Revision, after.Status.Live.Revision}))

		By("leaving it when another one ends that had ended before")
		run(ctx, "late", "5", 2, "0.99")
		Eventually(func() int32 { return pets.get(ctx).Status.Selection.Complete }).Should(BeEquivalentTo(4))
		Expect(pets.serves(ctx, "newest").Status.Candidate).To(BeNil())
	})

	It("passes over what misses a gate, and says so of each", func(ctx SpecContext) {
		run(ctx, "first", "1", 1, "0.95")
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "").NotWorseThanLive("accuracy", "0.01"))
		live := pets.serves(ctx, "first").Status.Live.Revision

		run(ctx, "worse", "2", 2, "0.93")
		server := pets.passesOver(ctx, "worse GateNotMet")
		Expect(condition(server, v1alpha1.ReadyCondition)).To(Equal("True/Serving"))
		Expect(condition(server, v1alpha1.ModelResolvedCondition)).To(Equal("True/NewerRunRejected"))
		const worse = "metric accuracy is 0.93, and 0.95 of the live revision "
		Expect(server.Status.Selection.PassedOver[0].Message).To(HavePrefix(worse + live + " on the same test split"))
		Expect(server.Status.Rejected).To(BeEmpty())
		Eventually(pets.notes).WithContext(ctx).WithArguments("NewerRunRejected").Should(ConsistOf(ContainSubstring("TrainingRun worse is newer and was passed over (GateNotMet): " + worse)))

		run(ctx, "worse-still", "3", 3, "0.6")
		pets.passesOver(ctx, "worse-still GateNotMet", "worse GateNotMet")
		Eventually(pets.notes).WithContext(ctx).WithArguments("NewerRunRejected").Should(ConsistOf(
			ContainSubstring("TrainingRun worse is newer"), HavePrefix("TrainingRun worse-still is newer")))
		Expect(cluster.selections()).To(Equal([]string{live}))

		By("serving a better one")
		run(ctx, "better", "4", 4, "0.94")
		server = pets.serves(ctx, "better")
		Expect(condition(server, v1alpha1.ModelResolvedCondition)).To(Equal("True/Resolved"))
		Expect(server.Status.Selection.PassedOver).To(BeEmpty())
	})

	It("stays Ready when a newer model fails its smoke test, and takes the next one", func(ctx SpecContext) {
		run(ctx, "first", "1", 1, "0.95")
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, ""))
		pets.serves(ctx, "first")
		cluster.model(digestOf("3"), failsSmoke)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Rollout.Paused = new(true) })
		run(ctx, "between", "2", 2, "0.95")
		run(ctx, "broken", "3", 3, "0.99")
		Eventually(func() string { return pets.get(ctx).Status.Selection.TrainingRun }).Should(Equal("broken"))
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Rollout.Paused = new(false) })
		server := pets.serves(ctx, "between")
		Expect(server.Status.Rejected).To(ConsistOf(HaveField("Model.TrainingRun", "broken")))
		Expect(condition(server, v1alpha1.RolledBackCondition)).To(BeEmpty())
		server = pets.passesOver(ctx, "broken SmokeFailed")
		Expect(condition(server, v1alpha1.ModelResolvedCondition)).To(Equal("True/NewerRunRejected"))
		Expect(pets.eventReasons(ctx)).NotTo(ContainElement("SmokeFailed"), "it was told as Stalled for a moment")

		By("trying it again when a person says so")
		cluster.model(digestOf("3"), behavesWell)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Retry = "again" })
		pets.serves(ctx, "broken")
	})

	It("has the traffic back when the bake of a newer one fails", func(ctx SpecContext) {
		run(ctx, "first", "1", 1, "0.95")
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, ""))
		first := pets.serves(ctx, "first").Status.Live.Revision
		cluster.model(digestOf("2"), failsBake)
		run(ctx, "broken", "2", 2, "0.95")
		server := pets.passesOver(ctx, "broken BakeFailed")
		Expect(server.Status.Live.Revision).To(Equal(first))
		Eventually(func() []string { return cluster.selections() }).Should(HaveLen(3))
		pets.serves(ctx, "first")
		Eventually(pets.deployments).WithContext(ctx).Should(ConsistOf(first))
	})

	It("serves on when the run is deleted, and goes on to a newer one", func(ctx SpecContext) {
		run(ctx, "older", "1", 1, "0.95")
		run(ctx, "newer", "2", 2, "0.95")
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, ""))
		pets.serves(ctx, "newer")
		remove(ctx, "newer")
		Eventually(func() string { return condition(pets.get(ctx), v1alpha1.ModelResolvedCondition) }).Should(Equal("False/TrainingRunNotFound"))
		server := pets.serves(ctx, "newer")
		Expect(server.Status.Candidate).To(BeNil())
		Expect(server.Status.Selection).To(Equal(&v1alpha1.RunSelection{Complete: 1}))
		restartManager()
		run(ctx, "newest", "3", 3, "0.95")
		pets.serves(ctx, "newest")
		Expect(cluster.selections()).To(HaveLen(2))
	})

	It("goes back to an older one when the newer is labeled otherwise, though that was better", func(ctx SpecContext) {
		run(ctx, "older", "1", 1, "0.9")
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "").NotWorseThanLive("accuracy", "0"))
		older := pets.serves(ctx, "older").Status.Live.Revision
		run(ctx, "newer", "2", 2, "0.95")
		newer := pets.serves(ctx, "newer").Status.Live.Revision
		relabel(ctx, "newer", "withdrawn")
		pets.serves(ctx, "older")
		relabel(ctx, "newer", "pets")
		pets.serves(ctx, "newer")
		Expect(cluster.selections()).To(Equal([]string{older, newer, older, newer}))
	})

	It("says why there is nothing to serve", func(ctx SpecContext) {
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, ""))
		server := pets.reaches(ctx, v1alpha1.TrainingRunNotFoundReason)
		Expect(message(server, v1alpha1.ModelResolvedCondition)).To(HavePrefix("no TrainingRun in this namespace matches app=pets: "))
		Expect(k8s.Create(ctx, wrappers.MakeTrainingRun("first", pets.namespace).Label("app", "pets").Suspend(true).Obj())).To(Succeed())
		server = pets.reaches(ctx, v1alpha1.TrainingRunNotCompleteReason)
		Expect(message(server, v1alpha1.ModelResolvedCondition)).To(HavePrefix("none of the 1 TrainingRuns that match app=pets is Complete yet, the newest is first"))

		By("naming what is no label")
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.Model.TrainingRunSelector.MatchLabels = map[string]string{"app": "no label"}
		})
		server = pets.reaches(ctx, v1alpha1.InvalidSpecReason)
		Expect(message(server, v1alpha1.StalledCondition)).To(ContainSubstring("spec.model.trainingRunSelector is no selector of labels"))
	})

	It("says why each of the first was refused, and names the newest", func(ctx SpecContext) {
		run(ctx, "older", "1", 1, "0.8")
		run(ctx, "newer", "2", 2, "0.7")
		create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "").Gate("accuracy", "0.9"))
		server := pets.reaches(ctx, v1alpha1.GateNotMetReason)
		Expect(condition(server, v1alpha1.StalledCondition)).To(Equal("True/GateNotMet"))
		Expect(server.Status.Rejected).To(ConsistOf(HaveField("Model.TrainingRun", "newer")))
		run(ctx, "good", "3", 3, "0.9")
		pets.serves(ctx, "good")
	})
})

var _ = Describe("ModelServer, with a gate that compares with live", func() {
	It("leaves it to the smoke test where the test splits differ, and says so", func(ctx SpecContext) {
		pets := servers{namespace: makeNamespace(ctx)}
		cluster := startCluster(pets.namespace, 20*time.Millisecond)
		publishEnded(ctx, pets.namespace, ended{name: "run-1", digest: "1", minute: 1, accuracy: "0.99", testSplit: "sha256:1"})
		publishEnded(ctx, pets.namespace, ended{name: "run-2", digest: "2", minute: 2, accuracy: "0.95", testSplit: "sha256:2"})
		publishEnded(ctx, pets.namespace, ended{name: "run-3", digest: "3", minute: 3, accuracy: "0.93", testSplit: "sha256:2"})
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").NotWorseThanLive("accuracy", "0.01").Obj())).To(Succeed())
		pets.serves(ctx, "run-1")

		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		server := pets.reaches(ctx, v1alpha1.SmokingReason)
		said := "metric accuracy isn't compared with that of the live revision " + server.Status.Live.Revision +
			", because it was measured on another test split: the smoke test's quality check decides"
		Expect(message(server, v1alpha1.ReadyCondition)).To(ContainSubstring(said))
		Eventually(pets.notes).WithContext(ctx).WithArguments("ComparisonSkipped").Should(ConsistOf(said))
		Expect(pets.margins(ctx)).To(ConsistOf("0.01"))

		By("comparing where they are the same")
		cluster.model(digestOf("2"), behavesWell)
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Smoke.Attempts = 4 }) // another test
		pets.serves(ctx, "run-2")
		pets.serve(ctx, "run-3")
		server = pets.reaches(ctx, v1alpha1.GateNotMetReason)
		Expect(server.Status.Rejected[0].Message).To(HavePrefix("metric accuracy is 0.93, and 0.95 of the live revision"))
		Expect(server.Status.Live.Model.TrainingRun).To(Equal("run-2"))

		By("going back to what was live and is worse, which a person has asked for")
		publishEnded(ctx, pets.namespace, ended{name: "run-4", digest: "4", minute: 4, accuracy: "0.99", testSplit: "sha256:2"})
		pets.serve(ctx, "run-4")
		pets.serves(ctx, "run-4")
		pets.serve(ctx, "run-2")
		pets.serves(ctx, "run-2")
	})
})
