// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// nonRoot is the user and group that the containers run as: distroless's nonroot.
const nonRoot = 65532

// restrictedPodSecurity is what the Pod Security Standard "restricted" asks of a
// pod. Volumes that support it are made writable for the group of the containers.
func restrictedPodSecurity() *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot:        ptr.To(true),
		RunAsUser:           ptr.To[int64](nonRoot),
		RunAsGroup:          ptr.To[int64](nonRoot),
		FSGroup:             ptr.To[int64](nonRoot),
		FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
		SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// restrictedContainerSecurity is what "restricted" asks of a container, with a
// read-only root file system on top.
func restrictedContainerSecurity() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

const (
	tmpVolume = "tmp"
	tmpMount  = "/tmp"
)

// tmpVolumeAndMount is the only place that a container may write to, besides its
// output volume.
func tmpVolumeAndMount() (corev1.Volume, corev1.VolumeMount) {
	return corev1.Volume{Name: tmpVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		corev1.VolumeMount{Name: tmpVolume, MountPath: tmpMount}
}

// containerResources returns what the user asks for, with default requests for what
// is left out; a default is never above the user's limit. There are no default limits:
// a CPU limit would only slow the container down, and memory is the user's to know.
func containerResources(asked v1alpha1.ResourceRequirements, defaults corev1.ResourceList) corev1.ResourceRequirements {
	requests := corev1.ResourceList{}
	for name, quantity := range defaults {
		if limit, ok := asked.Limits[name]; ok && limit.Cmp(quantity) < 0 {
			quantity = limit
		}
		requests[name] = quantity.DeepCopy()
	}
	for name, quantity := range asked.Requests {
		requests[name] = quantity.DeepCopy()
	}
	result := corev1.ResourceRequirements{Requests: requests}
	if len(asked.Limits) > 0 {
		result.Limits = corev1.ResourceList{}
		for name, quantity := range asked.Limits {
			result.Limits[name] = quantity.DeepCopy()
		}
	}
	return result
}

// containerEnv returns the container's environment: Trainyard's variable first, then
// copies of the user's.
func containerEnv(own corev1.EnvVar, asked []corev1.EnvVar) []corev1.EnvVar {
	env := []corev1.EnvVar{own}
	for _, variable := range asked {
		env = append(env, *variable.DeepCopy())
	}
	return env
}

// applyPodTemplate copies what the user asks of the pod's placement into spec.
func applyPodTemplate(spec *corev1.PodSpec, asked v1alpha1.PodTemplate) {
	spec.NodeSelector = maps.Clone(asked.NodeSelector)
	for _, toleration := range asked.Tolerations {
		spec.Tolerations = append(spec.Tolerations, *toleration.DeepCopy())
	}
}

// requests is a list of default requests.
func requests(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse(memory),
	}
}

// imageOr returns the image that an object asks for, else the operator's.
func imageOr(asked, standard string) string {
	if asked != "" {
		return asked
	}
	return standard
}

func clonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return ptr.To(*p)
}
