// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// The API's own types of pods, as Kubernetes has them.

// PodResourcesField is where a user sets the resources of a pod's own container.
const PodResourcesField = "spec.podTemplate.resources"

// ContainerEnv returns the part of a container's environment that the user asks for. It
// fails on a quantity that the schema would have refused, and names the field.
func ContainerEnv(asked []v1alpha1.EnvVar) ([]corev1.EnvVar, error) {
	env := make([]corev1.EnvVar, 0, len(asked)+1)
	for i, variable := range asked {
		from, err := coreEnvSource(variable.ValueFrom)
		if err != nil {
			return nil, fmt.Errorf("spec.podTemplate.env[%d].valueFrom.resourceFieldRef.divisor: %w", i, err)
		}
		env = append(env, corev1.EnvVar{Name: variable.Name, Value: variable.Value, ValueFrom: from})
	}
	return env, nil
}

func coreEnvSource(from *v1alpha1.EnvVarSource) (*corev1.EnvVarSource, error) {
	if from == nil {
		return nil, nil
	}
	source := &corev1.EnvVarSource{}
	if ref := from.FieldRef; ref != nil {
		source.FieldRef = &corev1.ObjectFieldSelector{APIVersion: ref.APIVersion, FieldPath: ref.FieldPath}
	}
	if ref := from.ResourceFieldRef; ref != nil {
		divisor, err := ref.Divisor.Parse()
		if err != nil {
			return nil, err
		}
		source.ResourceFieldRef = &corev1.ResourceFieldSelector{ContainerName: ref.ContainerName, Resource: ref.Resource, Divisor: divisor}
	}
	if ref := from.ConfigMapKeyRef; ref != nil {
		source.ConfigMapKeyRef = &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: ref.Name}, Key: ref.Key, Optional: ClonePtr(ref.Optional),
		}
	}
	if ref := from.SecretKeyRef; ref != nil {
		source.SecretKeyRef = &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: ref.Name}, Key: ref.Key, Optional: ClonePtr(ref.Optional),
		}
	}
	if ref := from.FileKeyRef; ref != nil {
		source.FileKeyRef = &corev1.FileKeySelector{VolumeName: ref.VolumeName, Path: ref.Path, Key: ref.Key, Optional: ClonePtr(ref.Optional)}
	}
	return source, nil
}
