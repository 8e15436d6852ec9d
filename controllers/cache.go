// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/defaults"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/controllers/trainingrun"
)

// CacheOptions keep out of the manager's memory what its controllers don't need: objects
// that aren't Trainyard's (of kinds that other people use, only those with Trainyard's
// label are watched, except PodDisruptionBudgets), and most of what ended Jobs and pods were made from. Without namespaces,
// those of the whole cluster are read.
func CacheOptions(namespaces ...string) cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{children.ManagedByLabel: children.ManagedByValue})}
	trimmed := func(transform toolscache.TransformFunc) cache.ByObject {
		return cache.ByObject{Label: ours.Label, Transform: transform}
	}
	return cache.Options{
		DefaultNamespaces: children.CachedNamespaces(namespaces),
		DefaultTransform:  trimMetadata,
		ByObject: map[client.Object]cache.ByObject{
			&batchv1.Job{}:                           trimmed(trimJob),
			&corev1.Pod{}:                            trimmed(trimPod),
			&corev1.Service{}:                        ours,
			&appsv1.Deployment{}:                     ours,
			&appsv1.ControllerRevision{}:             ours,
			&discoveryv1.EndpointSlice{}:             ours,
			&autoscalingv2.HorizontalPodAutoscaler{}: ours,
			&corev1.ConfigMap{}: {
				Field:     fields.OneTermEqualSelector(metav1.ObjectNameField, defaults.ConfigMapName),
				Transform: trimDefaults,
			},
			// All of them: users' own budgets may select a server's pods.
			&policyv1.PodDisruptionBudget{}: {Transform: trimBudget},
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

// trimDefaults drops of a ConfigMap with defaults what isn't read.
func trimDefaults(object any) (any, error) {
	if found, ok := object.(*corev1.ConfigMap); ok {
		defaults.Trim(found)
	}
	return trimMetadata(object)
}

// trimBudget drops what a budget counts.
func trimBudget(object any) (any, error) {
	if budget, ok := object.(*policyv1.PodDisruptionBudget); ok {
		budget.Status = policyv1.PodDisruptionBudgetStatus{}
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
