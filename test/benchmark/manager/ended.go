// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const endedNamespace = "ended"

// measureEnded has runs of one namespace end, and measures the heap that they take in
// the manager and how long the reconcile of another run takes beside their pods.
func (b *bench) measureEnded(ctx context.Context, count int) error {
	if err := b.createNamespace(ctx, endedNamespace); err != nil {
		return err
	}
	before := heap()
	jobs, err := b.createRuns(ctx, endedNamespace, count)
	if err != nil {
		return err
	}
	err = parallel(len(jobs), func(i int) error { return b.endJob(ctx, &jobs[i]) })
	if err != nil {
		return err
	}
	if err := b.untilComplete(ctx, count); err != nil {
		return err
	}
	took := heap() - before
	fmt.Printf("%d ended runs: heap %.1f MB, %.1f kB a run\n", count, float64(took)/1e6, float64(took)/1e3/float64(count))

	sum, n := reconcileTime("trainingrun")
	for i := range min(20, count) {
		if err := b.poke(ctx, i); err != nil {
			return err
		}
	}
	newSum, newN := reconcileTime("trainingrun")
	fmt.Printf("  a reconcile of one of them: %.2f ms (mean of %.0f)\n", 1000*(newSum-sum)/(newN-n), newN-n)
	return nil
}

// endJob plays Job controller and kubelet for a run that succeeds.
func (b *bench) endJob(ctx context.Context, job *batchv1.Job) error {
	document, err := json.Marshal(successOf(job))
	if err != nil {
		return fmt.Errorf("encode a result: %w", err)
	}
	template := job.Spec.Template.DeepCopy()
	template.Labels[batchv1.JobNameLabel] = job.Name
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: job.Name + "-x7k2p", Namespace: job.Namespace, Labels: template.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))},
		},
		Spec: template.Spec,
	}
	if err := b.client.Create(ctx, pod); err != nil {
		return fmt.Errorf("create a pod: %w", err)
	}
	now := metav1.Now()
	beforePod := client.MergeFrom(pod.DeepCopy())
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodSucceeded, StartTime: &now, PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}}, HostIP: "10.1.0.1",
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: contract.RunnerContainer, Image: "runner", ImageID: "registry.example/runner@sha256:" + strings.Repeat("ab", 32),
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", Message: string(document), FinishedAt: now}},
		}},
	}
	for _, condition := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: condition, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	if err := b.client.Status().Patch(ctx, pod, beforePod); err != nil {
		return fmt.Errorf("end a pod: %w", err)
	}
	beforeJob := client.MergeFrom(job.DeepCopy())
	job.Status.StartTime, job.Status.CompletionTime = &now, ptr.To(metav1.NewTime(now.Add(time.Second)))
	job.Status.Succeeded, job.Status.UncountedTerminatedPods = 1, &batchv1.UncountedTerminatedPods{}
	for _, condition := range []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete} {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: condition, Status: corev1.ConditionTrue, Reason: batchv1.JobReasonCompletionsReached, LastTransitionTime: now, LastProbeTime: now,
		})
	}
	if err := b.client.Status().Patch(ctx, job, beforeJob); err != nil {
		return fmt.Errorf("end a Job: %w", err)
	}
	return nil
}

// successOf is what a runner leaves that has published the model of a Job's run.
func successOf(job *batchv1.Job) contract.TrainResult {
	folder := contract.PVCRoot("models") + "/" + job.Name
	sum := strings.Repeat("ab", 32)
	result := contract.TrainResult{
		Version: contract.Version,
		Outcome: contract.OutcomeSucceeded,
		Model: &contract.ModelResult{
			URI: folder + "/" + contract.ModelFile, SHA256: sum, SizeBytes: 1000, ClassCount: 2, Classes: []string{"cat", "dog"},
			Samples: &contract.SamplesResult{URI: folder + "/" + contract.SamplesFile, SHA256: sum, Count: 4},
		},
		Dataset: &contract.DatasetResult{Digest: "sha256:" + sum, Samples: 40, TestSplitDigest: "sha256:" + sum},
	}
	for _, name := range []string{contract.MetricAccuracy, contract.MetricPrecision, contract.MetricRecall, contract.MetricF1, contract.MetricLoss} {
		result.Metrics = append(result.Metrics, contract.Metric{Name: name, Value: 0.9512})
	}
	return result
}

// untilComplete waits until so many runs are Complete.
func (b *bench) untilComplete(ctx context.Context, count int) error {
	for ctx.Err() == nil {
		runs := &v1alpha1.TrainingRunList{}
		if err := b.client.List(ctx, runs, client.InNamespace(endedNamespace)); err != nil {
			return fmt.Errorf("list the runs: %w", err)
		}
		complete := 0
		for i := range runs.Items {
			if meta.IsStatusConditionTrue(runs.Items[i].Status.Conditions, v1alpha1.CompleteCondition) {
				complete++
			}
		}
		if complete == count {
			return nil
		}
		time.Sleep(time.Second)
	}
	return ctx.Err()
}

// poke has a run reconciled by a change of its pod.
func (b *bench) poke(ctx context.Context, i int) error {
	pods := &corev1.PodList{}
	err := b.client.List(ctx, pods, client.InNamespace(endedNamespace), client.MatchingLabels{v1alpha1.TrainingRunLabel: runName(i)})
	if err != nil || len(pods.Items) != 1 {
		return errors.Join(fmt.Errorf("list the pods of run %d: found %d", i, len(pods.Items)), err)
	}
	before := client.MergeFrom(pods.Items[0].DeepCopy())
	pods.Items[0].Annotations = map[string]string{"example.com/poked": "yes"}
	if err := b.client.Patch(ctx, &pods.Items[0], before); err != nil {
		return fmt.Errorf("patch a pod: %w", err)
	}
	time.Sleep(100 * time.Millisecond)
	return nil
}

// heap returns how many bytes are in use.
func heap() int64 {
	time.Sleep(2 * time.Second) // for what is still under way
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// reconcileTime returns for how many seconds a controller has reconciled its objects, and how often.
func reconcileTime(controller string) (seconds, count float64) {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return 0, 0
	}
	for _, family := range families {
		if family.GetName() != "controller_runtime_reconcile_time_seconds" {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetValue() == controller {
					return metric.GetHistogram().GetSampleSum(), float64(metric.GetHistogram().GetSampleCount())
				}
			}
		}
	}
	return 0, 0
}
