// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// nonRoot is the user and group that the containers run as: distroless's nonroot.
const nonRoot = 65532

// RestrictedPodSecurity is what the Pod Security Standard "restricted" asks of a
// pod. Volumes that support it are made writable for the group of the containers.
func RestrictedPodSecurity() *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot:        ptr.To(true),
		RunAsUser:           ptr.To[int64](nonRoot),
		RunAsGroup:          ptr.To[int64](nonRoot),
		FSGroup:             ptr.To[int64](nonRoot),
		FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
		SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// RestrictedContainerSecurity is what "restricted" asks of a container, with a
// read-only root file system on top.
func RestrictedContainerSecurity() *corev1.SecurityContext {
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

// TmpVolume is the only place that a container may write to, besides its
// output volume.
func TmpVolume() (corev1.Volume, corev1.VolumeMount) {
	return corev1.Volume{Name: tmpVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		corev1.VolumeMount{Name: tmpVolume, MountPath: tmpMount}
}

// ImageOr returns the image that an object asks for, else the operator's.
func ImageOr(asked, standard string) string {
	if asked != "" {
		return asked
	}
	return standard
}

// ClonePtr returns a pointer to a copy of what p points to, or nil.
func ClonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return ptr.To(*p)
}
