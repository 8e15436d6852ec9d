// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// What runs leave is cleared away when it is due, never while it is used, and what a deleted run has left by hand.
var _ = Describe("Keeping house", Ordered, func() {
	var (
		namespace, runner string // runner is the image of the runs
		kept, deleted     *v1alpha1.TrainingRun
		s                 *v1alpha1.ModelServer
	)
	retain := func(ctx context.Context, retention v1alpha1.GoDuration) {
		GinkgoHelper()
		Expect(get(ctx, kept)).To(Succeed())
		base := kept.DeepCopy()
		kept.Spec.Output.Retention = retention
		Expect(k8sClient.Patch(ctx, kept, client.MergeFrom(base))).To(Succeed())
	}
	eventuallyPruned := func(ctx context.Context, reason string) {
		GinkgoHelper()
		Eventually(func(g Gomega) {
			g.Expect(get(ctx, kept)).To(Succeed())
			g.Expect(prunedReason(kept)).To(Equal(reason), "%+v", kept.Status.Conditions)
		}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
	}

	BeforeAll(func(ctx SpecContext) {
		namespace = makeNamespace(ctx, "house")
		kept, deleted = smallRun(namespace, "kept"), smallRun(namespace, "deleted")
		for _, run := range []*v1alpha1.TrainingRun{kept, deleted} {
			run.Spec.Dataset.Generated.SamplesPerClass = 40
			Expect(k8sClient.Create(ctx, run)).To(Succeed())
		}
		for _, run := range []*v1alpha1.TrainingRun{kept, deleted} {
			eventuallyComplete(ctx, run)
		}
		runner = podsOf(ctx, kept)[0].Spec.Containers[0].Image
	})

	It("deletes the Job of a run that has ended, and leaves the rest", func(ctx SpecContext) {
		ended := kept.DeepCopy()
		kept.Spec.TTLSecondsAfterFinished = ptr.To[int32](0)
		Expect(k8sClient.Patch(ctx, kept, client.MergeFrom(ended))).To(Succeed())
		Eventually(func(g Gomega) {
			var jobs batchv1.JobList
			g.Expect(k8sClient.List(ctx, &jobs, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.TrainingRunLabel: kept.Name})).To(Succeed())
			g.Expect(jobs.Items).To(BeEmpty())
			g.Expect(podsOf(ctx, kept)).To(BeEmpty())
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
		Expect(get(ctx, kept)).To(Succeed())
		Expect(reasonOf(kept.Status.Conditions, v1alpha1.CompleteCondition)).To(Equal(v1alpha1.ModelPublishedReason))
		Expect(kept.Status.Model).To(Equal(ended.Status.Model))
	})

	It("keeps a model that is served, though its retention is over", func(ctx SpecContext) {
		s = server(namespace, "pets", kept.Name)
		s.Spec.Promotion = v1alpha1.Promotion{BakeTime: "2s", Chance: v1alpha1.AllowChance}
		Expect(k8sClient.Create(ctx, s)).To(Succeed())
		eventuallyServing(ctx, s)
		retain(ctx, "1s")
		eventuallyPruned(ctx, v1alpha1.InUseReason)
		Expect(prune(ctx, namespace, runner, "list")).To(And(ContainSubstring(kept.Status.JobName), ContainSubstring(deleted.Status.JobName)))
	})

	It("deletes it once nothing uses it any more", func(ctx SpecContext) {
		Expect(k8sClient.Delete(ctx, s, client.PropagationPolicy(metav1.DeletePropagationForeground))).To(Succeed())
		Eventually(func(g Gomega) {
			var left appsv1.ControllerRevisionList
			g.Expect(k8sClient.List(ctx, &left, client.InNamespace(namespace))).To(Succeed())
			g.Expect(left.Items).To(BeEmpty())
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
		Eventually(func(g Gomega) { // it is looked at when its spec changes, else within the hour, and the manager's cache may be late
			retain(ctx, map[v1alpha1.GoDuration]v1alpha1.GoDuration{"1s": "2s", "2s": "1s"}[kept.Spec.Output.Retention])
			g.Expect(prunedReason(kept)).NotTo(Equal(v1alpha1.InUseReason))
		}).WithContext(ctx).WithTimeout(startLimit).WithPolling(time.Second).Should(Succeed())
		eventuallyPruned(ctx, v1alpha1.PrunedReason)
		Expect(prune(ctx, namespace, runner, "list-again")).To(And(Not(ContainSubstring(kept.Status.JobName)), ContainSubstring(deleted.Status.JobName)))
	})

	It("removes what a deleted run has left by one command", func(ctx SpecContext) {
		left := deleted.Status.JobName
		Expect(k8sClient.Delete(ctx, deleted, client.PropagationPolicy(metav1.DeletePropagationForeground))).To(Succeed())
		Expect(prune(ctx, namespace, runner, "ask", left)).To(And(ContainSubstring(left), ContainSubstring("nothing is removed without --yes")))
		Expect(prune(ctx, namespace, runner, "remove", left, "--yes")).To(ContainSubstring("removed"))
		Expect(prune(ctx, namespace, runner, "look")).NotTo(ContainSubstring(left))
	})
})

// prunedReason is the reason of a run's condition Pruned, or nothing.
func prunedReason(run *v1alpha1.TrainingRun) string {
	if c := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.PrunedCondition); c != nil {
		return c.Reason
	}
	return ""
}

// prune runs runner prune on the claim for models, in a pod as docs/trainingrun.md has it, and returns what it prints.
func prune(ctx context.Context, namespace, image, name string, args ...string) string {
	GinkgoHelper()
	security := restrictedPod()
	security.FSGroup = security.RunAsUser
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.PodSpec{
			RestartPolicy:                corev1.RestartPolicyNever,
			AutomountServiceAccountToken: ptr.To(false),
			SecurityContext:              security,
			Containers: []corev1.Container{{
				Name: "runner", Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
				Args:            append([]string{"prune", "/output"}, args...),
				VolumeMounts:    []corev1.VolumeMount{{Name: "output", MountPath: "/output"}},
				SecurityContext: restrictedContainer(),
			}},
			Volumes: []corev1.Volume{{Name: "output", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: modelsClaim},
			}}},
		},
	}
	Expect(k8sClient.Create(ctx, pod)).To(Succeed())
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, pod)).To(Succeed())
		g.Expect(pod.Status.Phase).To(Equal(corev1.PodSucceeded), "%+v", pod.Status.ContainerStatuses)
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
	said, err := clientset.CoreV1().Pods(namespace).GetLogs(name, &corev1.PodLogOptions{}).DoRaw(ctx)
	Expect(err).NotTo(HaveOccurred())
	GinkgoWriter.Println(string(said))
	return string(said)
}
