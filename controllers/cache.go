// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/controllers/trainingrun"
)

// CacheOptions keep out of the manager's memory what its controllers don't need: objects
// that aren't Trainyard's (of kinds that other people use, only those with Trainyard's
// label are watched), and most of what ended Jobs and pods were made from.
func CacheOptions() cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{children.ManagedByLabel: children.ManagedByValue})}
	trimmed := func(transform toolscache.TransformFunc) cache.ByObject {
		return cache.ByObject{Label: ours.Label, Transform: transform}
	}
	return cache.Options{
		DefaultTransform: trimMetadata,
		ByObject: map[client.Object]cache.ByObject{
			&batchv1.Job{}:                           trimmed(trimJob),
			&corev1.Pod{}:                            trimmed(trimPod),
			&corev1.Service{}:                        ours,
			&appsv1.Deployment{}:                     ours,
			&appsv1.ControllerRevision{}:             ours,
			&discoveryv1.EndpointSlice{}:             ours,
			&autoscalingv2.HorizontalPodAutoscaler{}: ours,
		},
	}
}

// trimMetadata drops what only kubectl and the API server use. Objects are written by
// patches of what has changed, so nothing is lost with it.
func trimMetadata(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
		if annotations := accessor.GetAnnotations(); annotations != nil {
			delete(annotations, corev1.LastAppliedConfigAnnotation)
		}
	}
	return object, nil
}

// trimJob drops the pod template of a Job that has ended, and what it says of its run's end.
func trimJob(object any) (any, error) {
	if job, ok := object.(*batchv1.Job); ok && children.FindJobEnd(job) != nil {
		job.Spec = batchv1.JobSpec{
			Suspend:               job.Spec.Suspend,
			BackoffLimit:          job.Spec.BackoffLimit,
			ActiveDeadlineSeconds: job.Spec.ActiveDeadlineSeconds,
		}
		trainingrun.TrimEnding(job)
	}
	return trimMetadata(object)
}

// trimPod drops of a pod that has ended what it was made from, except its node and what
// its containers were limited to.
func trimPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok && podstate.IsTerminated(pod) {
		spec := corev1.PodSpec{NodeName: pod.Spec.NodeName}
		for i := range pod.Spec.Containers {
			c := &pod.Spec.Containers[i]
			spec.Containers = append(spec.Containers, corev1.Container{
				Name: c.Name, Resources: corev1.ResourceRequirements{Limits: c.Resources.Limits},
			})
		}
		pod.Spec = spec
	}
	return trimMetadata(object)
}
