// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Access names what a pod reaches something outside the cluster with. It is mounted, so the manager reads no Secret.
type Access struct {
	SecretRef v1alpha1.SecretReference `json:"secretRef,omitzero"`
	CABundle  v1alpha1.CABundle        `json:"caBundle,omitzero"`
}

// OutputAccess is what a run publishes its model with, and a server fetches that with.
func OutputAccess(run *v1alpha1.TrainingRun) Access {
	return Access{SecretRef: run.Spec.Output.SecretRef, CABundle: run.Spec.Output.CABundle}
}

// Volumes returns the volumes of an access for a purpose, and where they are mounted.
func (a Access) Volumes(purpose string) ([]corev1.Volume, []corev1.VolumeMount) {
	var volumes []corev1.Volume
	var mounts []corev1.VolumeMount
	add := func(name, path string, source corev1.VolumeSource) {
		volumes = append(volumes, corev1.Volume{Name: name, VolumeSource: source})
		mounts = append(mounts, corev1.VolumeMount{Name: name, MountPath: path, ReadOnly: true})
	}
	if name := a.SecretRef.Name; name != "" {
		add("credentials-"+purpose, contract.CredentialsPath(purpose),
			corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name}})
	}
	ca := "ca-" + purpose
	if ref := a.CABundle.ConfigMapRef; ref.Name != "" {
		add(ca, contract.CABundleDir(purpose), corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: ref.Name}, Items: caItems(ref),
		}})
	}
	if ref := a.CABundle.SecretRef; ref.Name != "" {
		add(ca, contract.CABundleDir(purpose), corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: ref.Name, Items: caItems(ref)}})
	}
	return volumes, mounts
}

func caItems(ref v1alpha1.CABundleReference) []corev1.KeyToPath {
	return []corev1.KeyToPath{{Key: ref.Key, Path: contract.CABundleFile}}
}

// Contract tells a container where the volumes of an access for a purpose are.
func (a Access) Contract(purpose string) contract.Access {
	var access contract.Access
	if a.SecretRef.Name != "" {
		access.Credentials = contract.CredentialsPath(purpose)
	}
	if a.CABundle != (v1alpha1.CABundle{}) {
		access.CABundle = contract.CABundlePath(purpose)
	}
	return access
}
