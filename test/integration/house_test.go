// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var _ = Describe("The Job of a TrainingRun that has ended", func() {
	It("is deleted after spec.ttlSecondsAfterFinished, and nothing else changes", func(ctx SpecContext) {
		ns := makeNamespace(ctx)
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		endPod(ctx, makeJobPod(ctx, job), 0, "Completed", successOf(run))
		completeJob(ctx, job)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)

		By("keeping it until then")
		change(ctx, run, `{"spec":{"ttlSecondsAfterFinished":31536000}}`)
		expectObserved(ctx, run)
		Expect(jobOf(ctx, run).DeletionTimestamp).To(BeNil())
		ended := fetch(ctx, run).Status

		By("deleting it with its pods then")
		change(ctx, run, `{"spec":{"ttlSecondsAfterFinished":0}}`)
		Eventually(func() *metav1.Time { return jobOf(ctx, run).DeletionTimestamp }).ShouldNot(BeNil())
		Expect(jobOf(ctx, run).Finalizers).To(ContainElement(metav1.FinalizerDeleteDependents))
		collectJob(ctx, job)

		By("leaving the run as it is")
		change(ctx, run, `{"spec":{"ttlSecondsAfterFinished":null}}`)
		expectObserved(ctx, run)
		Expect(withoutGenerations(fetch(ctx, run).Status)).To(Equal(withoutGenerations(ended)))
		Expect(jobsIn(ctx, ns)()).To(BeEmpty())
	})
})

var _ = Describe("What a TrainingRun has left", func() {
	var ns string

	BeforeEach(func(ctx SpecContext) {
		ns = makeNamespace(ctx)
		publish(ctx, ns, "pets", "1")
	})

	It("is deleted by a Job once spec.output.retention is over", func(ctx SpecContext) {
		change(ctx, pets(ns), `{"spec":{"output":{"retention":"87600h"}}}`)
		expectObserved(ctx, pets(ns))
		Expect(prunedOf(ctx, ns)).To(Equal("False/Pruning"), "a run that ended in 1970 is due")
		job := pruneJobOf(ctx, ns)
		Expect(job.Spec.Template.Spec.Containers[0].Args).To(Equal([]string{"prune"}))

		By("saying that it is gone")
		endPod(ctx, makeJobPod(ctx, job), 0, "Completed", "")
		completeJob(ctx, job)
		Eventually(func() string { return prunedOf(ctx, ns) }).Should(Equal("True/Pruned"))
		collectWhenDeleted(ctx, job)
		Expect(meta.IsStatusConditionTrue(fetch(ctx, pets(ns)).Status.Conditions, v1alpha1.CompleteCondition)).To(BeTrue())

		By("refusing it to servers")
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", ns, "pets").Obj())).To(Succeed())
		servers{namespace: ns}.reaches(ctx, v1alpha1.ArtifactMissingReason)

		By("doing it once")
		change(ctx, pets(ns), `{"spec":{"suspend":false}}`)
		expectObserved(ctx, pets(ns))
		Expect(jobsIn(ctx, ns)()).To(BeEmpty())
		Expect(prunedOf(ctx, ns)).To(Equal("True/Pruned"))
	})

	It("is kept as long as a server uses it, or anything of one is left", func(ctx SpecContext) {
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", ns, "pets").Obj())).To(Succeed())
		kept := &appsv1.ControllerRevisionList{}
		Eventually(func(g Gomega) {
			g.Expect(k8s.List(ctx, kept, client.InNamespace(ns))).To(Succeed())
			g.Expect(kept.Items).To(HaveLen(1))
		}).Should(Succeed())
		change(ctx, pets(ns), `{"spec":{"output":{"retention":"1m"}}}`)
		Eventually(func() string { return prunedOf(ctx, ns) }).Should(Equal("False/InUse"))

		By("deleting the server, but not what it has kept")
		Expect(k8s.Delete(ctx, wrappers.MakeModelServer("pets", ns, "pets").Obj())).To(Succeed())
		change(ctx, pets(ns), `{"spec":{"suspend":false}}`)
		expectObserved(ctx, pets(ns))
		Expect(prunedOf(ctx, ns)).To(Equal("False/InUse"))
		Expect(jobsIn(ctx, ns)()).To(BeEmpty())

		By("deleting that too")
		Expect(k8s.Delete(ctx, &kept.Items[0])).To(Succeed())
		Eventually(func(g Gomega) { // the manager's cache may still have it
			change(ctx, pets(ns), `{"spec":{"suspend":`+map[bool]string{true: "false", false: "true"}[*fetch(ctx, pets(ns)).Spec.Suspend]+`}}`)
			expectObserved(ctx, pets(ns))
			g.Expect(prunedOf(ctx, ns)).To(Equal("False/Pruning"))
		}).Should(Succeed())
		pruneJobOf(ctx, ns)
	})

	It("says why it can't be deleted, and is tried again once the Job is deleted", func(ctx SpecContext) {
		change(ctx, pets(ns), `{"spec":{"output":{"retention":"1m"}}}`)
		job := pruneJobOf(ctx, ns)
		endPod(ctx, makeJobPod(ctx, job), 6, "Error", failureOf("ArtifactInvalid", "pets holds notes.txt, which no run has written"))
		failJob(ctx, job, "PodFailurePolicy")
		Eventually(func() string { return prunedOf(ctx, ns) }).Should(Equal("False/PruneFailed"))
		Expect(meta.FindStatusCondition(fetch(ctx, pets(ns)).Status.Conditions, v1alpha1.PrunedCondition).Message).
			To(SatisfyAll(ContainSubstring("notes.txt"), ContainSubstring("delete Job "+job.Name)))

		Expect(k8s.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(Succeed())
		Eventually(func() *batchv1.Job { return pruneJobOf(ctx, ns) }).Should(HaveField("UID", Not(Equal(job.UID))))
		Eventually(func() string { return prunedOf(ctx, ns) }).Should(Equal("False/Pruning"))
	})

	It("is kept without the field", func(ctx SpecContext) {
		expectObserved(ctx, pets(ns))
		Expect(prunedOf(ctx, ns)).To(BeEmpty())
		Expect(jobsIn(ctx, ns)()).To(BeEmpty())
	})
})

// pets is the TrainingRun of a case, to be read.
func pets(namespace string) *v1alpha1.TrainingRun {
	return &v1alpha1.TrainingRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pets"}}
}

// expectObserved waits until a run's status is about the newest spec.
func expectObserved(ctx context.Context, run *v1alpha1.TrainingRun) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		now := fetch(ctx, run)
		g.Expect(now.Status.ObservedGeneration).To(Equal(now.Generation))
	}).Should(Succeed())
}

// prunedOf is the condition Pruned of the run of a case.
func prunedOf(ctx context.Context, namespace string) string {
	GinkgoHelper()
	c := meta.FindStatusCondition(fetch(ctx, pets(namespace)).Status.Conditions, v1alpha1.PrunedCondition)
	if c == nil {
		return ""
	}
	return string(c.Status) + "/" + c.Reason
}

// pruneJobOf waits for the Job that deletes what the run of a case has left.
func pruneJobOf(ctx context.Context, namespace string) *batchv1.Job {
	GinkgoHelper()
	job := &batchv1.Job{}
	name := "pets-" + string(fetch(ctx, pets(namespace)).UID[:8]) + "-prune"
	Eventually(func() error { return k8s.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, job) }).Should(Succeed())
	return job
}

// collectWhenDeleted removes a Job once the manager has deleted it.
func collectWhenDeleted(ctx context.Context, job *batchv1.Job) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(job), job)).To(Succeed())
		g.Expect(job.DeletionTimestamp).NotTo(BeNil())
	}).Should(Succeed())
	collectJob(ctx, job)
	Expect(apierrors.IsNotFound(k8s.Get(ctx, client.ObjectKeyFromObject(job), job))).To(BeTrue())
}

// withoutGenerations is a status without the generations that it is about.
func withoutGenerations(status v1alpha1.TrainingRunStatus) v1alpha1.TrainingRunStatus {
	status.ObservedGeneration = 0
	for i := range status.Conditions {
		status.Conditions[i].ObservedGeneration = 0
	}
	return status
}
