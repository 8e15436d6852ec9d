// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// What the cluster's own controllers and kubelets would do.

var podCount atomic.Int64

// makeJobPod makes the next pod of a Job, as the Job controller would.
func makeJobPod(ctx context.Context, job *batchv1.Job) *corev1.Pod {
	GinkgoHelper()
	template := job.Spec.Template.DeepCopy()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:        fmt.Sprintf("%s-%d", job.Name, podCount.Add(1)),
			Namespace:   job.Namespace,
			Labels:      template.Labels,
			Annotations: template.Annotations,
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job")),
			},
		},
		Spec: template.Spec,
	}
	pod.Labels[batchv1.JobNameLabel] = job.Name
	Expect(k8s.Create(ctx, pod)).To(Succeed())
	return pod
}

// setPodStatus writes a pod's status, as its kubelet would.
func setPodStatus(ctx context.Context, pod *corev1.Pod, change func(*corev1.PodStatus)) {
	GinkgoHelper()
	before := pod.DeepCopy()
	change(&pod.Status)
	Expect(k8s.Status().Patch(ctx, pod, client.MergeFrom(before))).To(Succeed())
}

// runPod has a pod's only container run at this IP.
func runPod(ctx context.Context, pod *corev1.Pod, ip string) {
	GinkgoHelper()
	setPodStatus(ctx, pod, func(status *corev1.PodStatus) {
		status.Phase = corev1.PodRunning
		status.PodIP = ip
		status.PodIPs = []corev1.PodIP{{IP: ip}}
		status.StartTime = ptr.To(metav1.Now())
		status.ContainerStatuses = []corev1.ContainerStatus{{
			Name:    pod.Spec.Containers[0].Name,
			Image:   pod.Spec.Containers[0].Image,
			ImageID: "registry.example/image@sha256:0123",
			State:   corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
		}}
	})
}

// waitPod has a pod's only container wait for this reason.
func waitPod(ctx context.Context, pod *corev1.Pod, reason, message string) {
	GinkgoHelper()
	setPodStatus(ctx, pod, func(status *corev1.PodStatus) {
		status.Phase = corev1.PodPending
		status.ContainerStatuses = []corev1.ContainerStatus{{
			Name:  pod.Spec.Containers[0].Name,
			Image: pod.Spec.Containers[0].Image,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		}}
	})
}

// endPod ends a pod's only container with this exit code and termination message.
func endPod(ctx context.Context, pod *corev1.Pod, code int32, reason, message string) {
	GinkgoHelper()
	setPodStatus(ctx, pod, func(status *corev1.PodStatus) {
		status.Phase = corev1.PodFailed
		if code == 0 {
			status.Phase = corev1.PodSucceeded
		}
		status.ContainerStatuses = []corev1.ContainerStatus{{
			Name:    pod.Spec.Containers[0].Name,
			Image:   pod.Spec.Containers[0].Image,
			ImageID: "registry.example/image@sha256:0123",
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: code, Reason: reason, Message: message, FinishedAt: metav1.Now(),
			}},
		}}
	})
}

// completeJob has a Job succeed.
func completeJob(ctx context.Context, job *batchv1.Job) {
	GinkgoHelper()
	endJob(ctx, job, batchv1.JobSuccessCriteriaMet, batchv1.JobComplete, batchv1.JobReasonCompletionsReached)
}

// failJob has a Job fail for this reason.
func failJob(ctx context.Context, job *batchv1.Job, reason string) {
	GinkgoHelper()
	endJob(ctx, job, batchv1.JobFailureTarget, batchv1.JobFailed, reason)
}

func endJob(ctx context.Context, job *batchv1.Job, decided, ended batchv1.JobConditionType, reason string) {
	GinkgoHelper()
	Expect(k8s.Get(ctx, client.ObjectKeyFromObject(job), job)).To(Succeed())
	before := job.DeepCopy()
	now := metav1.Now()
	job.Status.StartTime = &now
	job.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
	if ended == batchv1.JobComplete {
		job.Status.CompletionTime = ptr.To(metav1.NewTime(now.Add(time.Second)))
		job.Status.Succeeded = 1
	} else {
		job.Status.Failed = max(job.Status.Failed, 1)
	}
	for _, condition := range []batchv1.JobConditionType{decided, ended} {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: condition, Status: corev1.ConditionTrue, Reason: reason,
			Message: "the Job controller's words", LastTransitionTime: now, LastProbeTime: now,
		})
	}
	Expect(k8s.Status().Patch(ctx, job, client.MergeFrom(before))).To(Succeed())
}

// collectPods removes the pods of a Job that is being deleted.
func collectPods(ctx context.Context, job *batchv1.Job) {
	GinkgoHelper()
	pods := &corev1.PodList{}
	Expect(k8s.List(ctx, pods, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name})).To(Succeed())
	for i := range pods.Items {
		Expect(k8s.Delete(ctx, &pods.Items[i], client.GracePeriodSeconds(0))).To(Succeed())
	}
}

// collectJob removes a Job that is being deleted in the foreground and its pods, as
// the garbage collector would.
func collectJob(ctx context.Context, job *batchv1.Job) {
	GinkgoHelper()
	collectPods(ctx, job)
	Expect(k8s.Get(ctx, client.ObjectKeyFromObject(job), job)).To(Succeed())
	Expect(job.DeletionTimestamp).NotTo(BeNil(), "the Job isn't being deleted")
	before := job.DeepCopy()
	controllerutil.RemoveFinalizer(job, metav1.FinalizerDeleteDependents)
	Expect(k8s.Patch(ctx, job, client.MergeFrom(before))).To(Succeed())
	Eventually(func(g Gomega) {
		old := &batchv1.Job{}
		err := k8s.Get(ctx, client.ObjectKeyFromObject(job), old)
		g.Expect(apierrors.IsNotFound(err) || old.UID != job.UID).To(BeTrue())
	}).Should(Succeed())
}
