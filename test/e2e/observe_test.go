// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/hack/prober/probe"
)

// startProber starts the prober and waits for its first answers.
func startProber(ctx context.Context, namespace, server string) {
	GinkgoHelper()
	startProberPod(ctx, proberPod(namespace, server))
}

// startProberPod is startProber with a pod of one's own.
func startProberPod(ctx context.Context, pod *corev1.Pod) {
	GinkgoHelper()
	Expect(k8sClient.Create(ctx, pod)).To(Succeed())
	Eventually(func(g Gomega) {
		report, err := probed(ctx, pod.Namespace)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(report.Fresh.Requests).To(BeNumerically(">", 0))
		g.Expect(report.Pooled.Requests).To(BeNumerically(">", 0))
	}).WithContext(ctx).WithTimeout(startLimit).WithPolling(pollInterval).Should(Succeed())
}

// probed asks the prober what it has seen.
func probed(ctx context.Context, namespace string) (probe.Report, error) {
	return probedBy(ctx, namespace, "prober")
}

// probedBy asks one of several probers what it has seen.
func probedBy(ctx context.Context, namespace, pod string) (probe.Report, error) {
	data, err := clientset.CoreV1().RESTClient().Get().Namespace(namespace).Resource("pods").
		Name(pod + ":8080").SubResource("proxy").Suffix("stats").DoRaw(ctx)
	if err != nil {
		return probe.Report{}, err
	}
	var report probe.Report
	return report, json.Unmarshal(data, &report)
}

// expectNoFailure asserts that every request since the prober's start was answered with 200, and returns what the prober has seen.
func expectNoFailure(ctx context.Context, namespace string) probe.Report {
	GinkgoHelper()
	report, err := probed(ctx, namespace)
	Expect(err).NotTo(HaveOccurred())
	AddReportEntry("requests", fmt.Sprintf("%d on fresh and %d on pooled connections, %d and %d failed",
		report.Fresh.Requests, report.Pooled.Requests, report.Fresh.Failed, report.Pooled.Failed))
	Expect(report.Fresh.Answers).NotTo(BeEmpty(), "no answer named its revision")
	Expect(report.Fresh.Failed).To(BeZero(), "on fresh connections: %+v", report.Fresh.Failures)
	Expect(report.Pooled.Failed).To(BeZero(), "on pooled connections: %+v", report.Pooled.Failures)
	return report
}

// eventuallyServing waits until a ModelServer serves what its spec asks for.
func eventuallyServing(ctx context.Context, s *v1alpha1.ModelServer) {
	GinkgoHelper()
	eventuallyReady(ctx, s, v1alpha1.ServingReason)
}

// eventuallyReady waits until the reason of a ModelServer's Ready is this one, for its newest spec.
func eventuallyReady(ctx context.Context, s *v1alpha1.ModelServer, reason string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, s)).To(Succeed())
		g.Expect(s.Status.ObservedGeneration).To(Equal(s.Generation))
		g.Expect(readyReason(s.Status.Conditions)).To(Equal(reason), "%+v", s.Status.Conditions)
	}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
}

// eventuallyRolledBack waits until a ModelServer's spec is rejected and another revision is live.
func eventuallyRolledBack(ctx context.Context, s *v1alpha1.ModelServer, reason string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, s)).To(Succeed())
		g.Expect(s.Status.ObservedGeneration).To(Equal(s.Generation))
		g.Expect(reasonOf(s.Status.Conditions, v1alpha1.RolledBackCondition)).To(Equal(reason), "%+v", s.Status.Conditions)
	}).WithContext(ctx).WithTimeout(rolloutLimit).WithPolling(pollInterval).Should(Succeed())
	Expect(reasonOf(s.Status.Conditions, v1alpha1.StalledCondition)).To(Equal(reason))
	Expect(reasonOf(s.Status.Conditions, v1alpha1.AvailableCondition)).To(Equal(v1alpha1.MinimumReplicasAvailableReason))
	Expect(s.Status.Rejected).NotTo(BeEmpty())
	Expect(s.Status.Rejected[0].Reason).To(Equal(reason))
}

// eventuallyComplete waits until a TrainingRun has published its model.
func eventuallyComplete(ctx context.Context, run *v1alpha1.TrainingRun) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(get(ctx, run)).To(Succeed())
		if reason := reasonOf(run.Status.Conditions, v1alpha1.FailedCondition); reason != "" {
			StopTrying("the TrainingRun failed").Attach("status", run.Status).Now()
		}
		g.Expect(reasonOf(run.Status.Conditions, v1alpha1.CompleteCondition)).To(Equal(v1alpha1.ModelPublishedReason))
	}).WithContext(ctx).WithTimeout(trainingLimit).WithPolling(pollInterval).Should(Succeed())
}

// timeToReason creates a run and returns how long after the pod's own status has
// told of a failure the run's status names it: podTells says whether a pod does.
func timeToReason(ctx context.Context, run *v1alpha1.TrainingRun, podTells func(*corev1.Pod) bool, reason string) time.Duration {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	pods, err := k8sClient.Watch(ctx, &corev1.PodList{}, client.InNamespace(run.Namespace), client.MatchingLabels{v1alpha1.TrainingRunLabel: run.Name})
	Expect(err).NotTo(HaveOccurred())
	defer pods.Stop()
	runs, err := k8sClient.Watch(ctx, &v1alpha1.TrainingRunList{}, client.InNamespace(run.Namespace))
	Expect(err).NotTo(HaveOccurred())
	defer runs.Stop()
	Expect(k8sClient.Create(ctx, run)).To(Succeed())

	var podTime time.Time
	last := "none"
	for {
		select {
		case <-ctx.Done():
			Fail(fmt.Sprintf("TrainingRun %s: status never said %s; the last reason was %s", run.Name, reason, last))
		case e := <-pods.ResultChan():
			if pod, ok := e.Object.(*corev1.Pod); ok && podTime.IsZero() && podTells(pod) {
				podTime = time.Now()
			}
		case e := <-runs.ResultChan():
			seen, ok := e.Object.(*v1alpha1.TrainingRun)
			if !ok || seen.Name != run.Name {
				continue
			}
			if last = readyReason(seen.Status.Conditions); last != reason {
				continue
			}
			*run = *seen
			if podTime.IsZero() { // both watches are independent; the run's came first
				return 0
			}
			return time.Since(podTime)
		}
	}
}

// waiting tells whether a container waits for one of the reasons.
func waiting(reasons ...string) func(*corev1.Pod) bool {
	return func(pod *corev1.Pod) bool {
		for _, c := range pod.Status.ContainerStatuses {
			for _, reason := range reasons {
				if c.State.Waiting != nil && c.State.Waiting.Reason == reason {
					return true
				}
			}
		}
		return false
	}
}

// terminated tells whether a container has ended.
func terminated(pod *corev1.Pod) bool {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Terminated != nil {
			return true
		}
	}
	return false
}

// describeNamespace prints what is in a namespace, for a failed spec.
func describeNamespace(ctx context.Context, namespace string) {
	lists := []client.ObjectList{
		&v1alpha1.TrainingRunList{}, &v1alpha1.ModelServerList{}, &corev1.ServiceList{}, &corev1.PodList{}, &corev1.EventList{},
	}
	for _, list := range lists {
		if err := k8sClient.List(ctx, list, client.InNamespace(namespace)); err != nil {
			GinkgoWriter.Println("list:", err)
			continue
		}
		if events, ok := list.(*corev1.EventList); ok {
			for _, e := range events.Items {
				GinkgoWriter.Printf("event %s %s/%s %s: %s\n", e.LastTimestamp.Format(time.TimeOnly), e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)
			}
			continue
		}
		text, err := yaml.Marshal(list)
		if err != nil {
			GinkgoWriter.Println("marshal:", err)
			continue
		}
		GinkgoWriter.Println(string(text))
	}
	tail := int64(60)
	var managers corev1.PodList
	if err := k8sClient.List(ctx, &managers, client.InNamespace(managerNamespace)); err != nil {
		return
	}
	for _, pod := range managers.Items {
		log, err := clientset.CoreV1().Pods(managerNamespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: &tail}).DoRaw(ctx)
		GinkgoWriter.Println(pod.Name, err, string(log))
	}
}

// killManager kills the manager's pods without any grace.
func killManager(ctx context.Context) {
	GinkgoHelper()
	Expect(k8sClient.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(managerNamespace),
		client.MatchingLabels{"app.kubernetes.io/component": "manager"}, client.GracePeriodSeconds(0))).To(Succeed())
}

// finishedAt is when the newest container of a Job's pods ended.
func finishedAt(ctx context.Context, namespace, jobPrefix string) metav1.Time {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(k8sClient.List(ctx, &pods, client.InNamespace(namespace))).To(Succeed())
	var newest metav1.Time
	for _, pod := range pods.Items {
		if len(pod.Name) < len(jobPrefix) || pod.Name[:len(jobPrefix)] != jobPrefix {
			continue
		}
		for _, c := range pod.Status.ContainerStatuses {
			if t := c.State.Terminated; t != nil && newest.Before(&t.FinishedAt) {
				newest = t.FinishedAt
			}
		}
	}
	return newest
}
