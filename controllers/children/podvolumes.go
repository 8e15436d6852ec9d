// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// addVolumes adds the user's volumes to a pod, and mounts them into its first container. A claim that the pod has already
// is mounted once more, because the kubelet doesn't mount a claim twice into a pod.
func addVolumes(spec *corev1.PodSpec, asked v1alpha1.PodTemplate) error {
	names := map[string]string{}  // of the pod's volumes, by the user's
	readOnly := map[string]bool{} // by the user's
	for i := range asked.Volumes {
		volume, err := coreVolume(fmt.Sprintf("%s.volumes[%d]", podTemplateField, i), &asked.Volumes[i])
		if err != nil {
			return err
		}
		names[volume.Name] = volume.Name
		if claim := volume.PersistentVolumeClaim; claim != nil {
			readOnly[volume.Name] = claim.ReadOnly
			if same := FindClaim(spec, claim.ClaimName); same != nil {
				names[volume.Name] = same.Name
				same.PersistentVolumeClaim.ReadOnly = same.PersistentVolumeClaim.ReadOnly && claim.ReadOnly
				continue
			}
		}
		spec.Volumes = append(spec.Volumes, volume)
	}
	mounts := &spec.Containers[0].VolumeMounts
	for _, mount := range asked.VolumeMounts {
		*mounts = append(*mounts, corev1.VolumeMount{
			Name: names[mount.Name], MountPath: mount.MountPath, SubPath: mount.SubPath, ReadOnly: ptr.Deref(mount.ReadOnly, false) || readOnly[mount.Name],
		})
	}
	return nil
}

// FindClaim returns the volume of a pod that is a claim, or nil.
func FindClaim(spec *corev1.PodSpec, claim string) *corev1.Volume {
	for i := range spec.Volumes {
		if c := spec.Volumes[i].PersistentVolumeClaim; c != nil && c.ClaimName == claim {
			return &spec.Volumes[i]
		}
	}
	return nil
}

// FileVolumes returns the user's volumes that are ConfigMaps and Secrets, and where they are mounted: what the
// environment of a container that fetches may name.
func FileVolumes(asked v1alpha1.PodTemplate) ([]corev1.Volume, []corev1.VolumeMount, error) {
	files := v1alpha1.PodTemplate{VolumeMounts: asked.VolumeMounts}
	for _, volume := range asked.Volumes {
		if volume.ConfigMap != nil || volume.Secret != nil {
			files.Volumes = append(files.Volumes, volume)
		}
	}
	pod := &corev1.PodSpec{Containers: []corev1.Container{{}}}
	err := addVolumes(pod, files)
	return pod.Volumes, FileMounts(pod), err
}

// FileMounts returns the mounts of a pod's first container that are of ConfigMaps and Secrets.
func FileMounts(spec *corev1.PodSpec) []corev1.VolumeMount {
	files := map[string]bool{}
	for i := range spec.Volumes {
		files[spec.Volumes[i].Name] = spec.Volumes[i].ConfigMap != nil || spec.Volumes[i].Secret != nil
	}
	var mounts []corev1.VolumeMount
	for _, mount := range spec.Containers[0].VolumeMounts {
		if files[mount.Name] {
			mounts = append(mounts, mount)
		}
	}
	return mounts
}

func coreVolume(field string, asked *v1alpha1.Volume) (corev1.Volume, error) {
	volume := corev1.Volume{Name: asked.Name}
	switch {
	case asked.ConfigMap != nil:
		volume.ConfigMap = &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: asked.ConfigMap.Name},
			Items:                coreItems(asked.ConfigMap.Items), Optional: ClonePtr(asked.ConfigMap.Optional),
		}
	case asked.Secret != nil:
		volume.Secret = &corev1.SecretVolumeSource{
			SecretName: asked.Secret.SecretName, Items: coreItems(asked.Secret.Items), Optional: ClonePtr(asked.Secret.Optional),
		}
	case asked.PersistentVolumeClaim != nil:
		claim := asked.PersistentVolumeClaim
		return ClaimVolume(asked.Name, claim.ClaimName, ptr.Deref(claim.ReadOnly, false)), nil
	case asked.EmptyDir != nil:
		volume.EmptyDir = &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMedium(asked.EmptyDir.Medium)}
		if text := asked.EmptyDir.SizeLimit; text != "" {
			limit, err := text.Parse()
			if err != nil {
				return volume, fmt.Errorf("%s.emptyDir.sizeLimit: %w", field, err)
			}
			volume.EmptyDir.SizeLimit = &limit
		}
	default:
		return volume, fmt.Errorf("%s has no source: set one of configMap, secret, persistentVolumeClaim, emptyDir", field)
	}
	return volume, nil
}

func coreItems(asked []v1alpha1.KeyToPath) []corev1.KeyToPath {
	var items []corev1.KeyToPath
	for _, item := range asked {
		items = append(items, corev1.KeyToPath{Key: item.Key, Path: item.Path})
	}
	return items
}
