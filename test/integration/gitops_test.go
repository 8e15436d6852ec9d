// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/gitops"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var (
	// argoCD runs Argo CD's scripts.
	argoCD = gitops.Scripts{Folder: filepath.Join("..", "..", "config", "argocd", "resource_customizations")}
	// statuses are all that the controllers write while the suite runs.
	statuses *gitops.Recorder
)

// startRecorder judges every status from now on, until the suite ends.
func startRecorder() {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	statuses, err = gitops.Record(ctx, testEnv.Config, argoCD)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) {
		// What comes last has been told of when these two have.
		namespace := makeNamespace(ctx)
		last := []client.Object{wrappers.MakeTrainingRun("the-last", namespace).Obj(), wrappers.MakeModelServer("the-last", namespace, "none").Obj()}
		for _, object := range last {
			Expect(k8s.Create(ctx, object)).To(Succeed())
		}
		Eventually(func() bool { return statuses.Saw("TrainingRun", "the-last") && statuses.Saw("ModelServer", "the-last") }).Should(BeTrue())
		cancel()
	})
}

var _ = ReportAfterSuite("What GitOps tools make of the statuses", func(report Report) {
	if statuses == nil {
		return
	}
	fmt.Printf("%d versions of TrainingRuns and ModelServers were judged as Argo CD and kstatus do\n", statuses.Judged())
	Expect(statuses.Problems()).To(BeEmpty())
	if isWhole := report.PreRunStats.SpecsThatWillRun == report.PreRunStats.TotalSpecs; isWhole && report.SuiteSucceeded {
		Expect(statuses.Unseen()).To(BeEmpty(), "no spec has the controllers write these reasons")
	}
})

// live reads an object as Argo CD does.
func live(ctx context.Context, kind, namespace, name string) *unstructured.Unstructured {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	Expect(k8s.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)).To(Succeed())
	return object
}

// offered are the actions that Argo CD offers for an object.
func offered(ctx context.Context, kind, namespace, name string) []string {
	GinkgoHelper()
	actions, err := argoCD.Actions(live(ctx, kind, namespace, name))
	Expect(err).NotTo(HaveOccurred())
	var names []string
	for name, action := range actions {
		if !action.Disabled {
			names = append(names, name)
		}
	}
	return names
}

// act runs an action as Argo CD does: it patches the object with what the script has changed.
func act(ctx context.Context, kind, namespace, name, action string) {
	GinkgoHelper()
	Expect(offered(ctx, kind, namespace, name)).To(ContainElement(action))
	object := live(ctx, kind, namespace, name)
	changed, err := argoCD.Act(object, action)
	Expect(err).NotTo(HaveOccurred())
	Expect(k8s.Patch(ctx, changed, client.MergeFrom(object))).To(Succeed())
}

var _ = Describe("Argo CD's actions on a ModelServer", func() {
	var (
		cluster *fakeCluster
		pets    servers
		first   string
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		first = pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision
		Expect(offered(ctx, "ModelServer", pets.namespace, "pets")).To(ConsistOf("pause"))
	})
	run := func(ctx context.Context, action string) {
		GinkgoHelper()
		act(ctx, "ModelServer", pets.namespace, "pets", action)
	}

	It("promote what awaits it", func(ctx SpecContext) {
		pets.update(ctx, func(server *v1alpha1.ModelServer) {
			server.Spec.Promotion.Mode = v1alpha1.ManualPromotion
			server.Spec.Model.TrainingRunRef.Name = "run-2"
		})
		second := pets.reaches(ctx, v1alpha1.AwaitingPromotionReason).Status.Candidate.Revision
		Expect(offered(ctx, "ModelServer", pets.namespace, "pets")).To(ConsistOf("pause", "promote", "reject"))
		run(ctx, "promote")
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision).To(Equal(second))

		By("refusing where nothing does")
		_, err := argoCD.Act(live(ctx, "ModelServer", pets.namespace, "pets"), "promote")
		Expect(err).To(MatchError(ContainSubstring("no candidate awaits promotion")))
	})

	It("reject a candidate, and retry it", func(ctx SpecContext) {
		cluster.model(digestOf("2"), neverFinishes)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.SmokingReason).Status.Candidate.Revision
		pets.annotate(ctx, v1alpha1.PromoteAnnotation, second)
		run(ctx, "reject")
		pets.reaches(ctx, v1alpha1.AbortedReason)
		Expect(pets.get(ctx).Annotations).NotTo(HaveKey(v1alpha1.PromoteAnnotation))
		Eventually(func() []string { return offered(ctx, "ModelServer", pets.namespace, "pets") }).Should(ConsistOf("pause", "retry"))

		cluster.model(digestOf("2"), behavesWell)
		run(ctx, "retry")
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision).To(Equal(second))
		Expect(pets.get(ctx).Annotations).NotTo(HaveKey(v1alpha1.RejectAnnotation))
		Expect(cluster.selections()).To(Equal([]string{first, second}))
	})

	It("retry again and again", func(ctx SpecContext) {
		cluster.model(digestOf("2"), failsSmoke)
		pets.serve(ctx, "run-2")
		for range 2 {
			rejected := pets.reaches(ctx, v1alpha1.SmokeFailedReason).Status.Rejected[0]
			clk.Step(time.Second) // by which the next rejection differs
			run(ctx, "retry")
			Eventually(func() []v1alpha1.RejectedRevision { return pets.get(ctx).Status.Rejected }).ShouldNot(ContainElement(rejected))
		}
		pets.reaches(ctx, v1alpha1.SmokeFailedReason)
	})

	It("reject live while it bakes", func(ctx SpecContext) {
		cluster.model(digestOf("2"), bakesForEver)
		pets.serve(ctx, "run-2")
		second := pets.reaches(ctx, v1alpha1.BakingReason).Status.Live.Revision
		run(ctx, "reject")
		Expect(pets.reaches(ctx, v1alpha1.AbortedReason).Status.Live.Revision).To(Equal(first))
		Expect(cluster.selections()).To(Equal([]string{first, second, first}))

		By("refusing what is baked")
		Eventually(func() error {
			_, err := argoCD.Act(live(ctx, "ModelServer", pets.namespace, "pets"), "reject")
			return err
		}).Should(MatchError(ContainSubstring("nothing can be rejected")))
	})

	It("pause, and resume", func(ctx SpecContext) {
		run(ctx, "pause")
		pets.serve(ctx, "run-2")
		pets.reaches(ctx, v1alpha1.PausedReason)
		Expect(offered(ctx, "ModelServer", pets.namespace, "pets")).To(ConsistOf("resume", "reject"))
		run(ctx, "resume")
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision).NotTo(Equal(first))
	})
})

var _ = Describe("Argo CD's actions on a TrainingRun", func() {
	It("suspend, and resume", func(ctx SpecContext) {
		ns := makeNamespace(ctx)
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		runPod(ctx, makeJobPod(ctx, jobOf(ctx, run)), "10.1.4.1")
		expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)
		job := jobOf(ctx, run)
		Expect(offered(ctx, "TrainingRun", ns, "pets")).To(ConsistOf("suspend"))
		act(ctx, "TrainingRun", ns, "pets", "suspend")
		expectState(ctx, run, v1alpha1.SuspendedReason, onItsWay)
		Expect(offered(ctx, "TrainingRun", ns, "pets")).To(ConsistOf("resume"))
		Eventually(func() *metav1.Time { return jobOf(ctx, run).DeletionTimestamp }).ShouldNot(BeNil())
		collectJob(ctx, job)

		act(ctx, "TrainingRun", ns, "pets", "resume")
		job = jobOf(ctx, run)
		endPod(ctx, makeJobPod(ctx, job), 0, "Completed", successOf(run))
		completeJob(ctx, job)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)
		Expect(offered(ctx, "TrainingRun", ns, "pets")).To(BeEmpty())
	})
})
