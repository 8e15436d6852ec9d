// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kjson "sigs.k8s.io/json"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// podTemplateField is where a user changes the pods.
const podTemplateField = "spec.podTemplate"

// PodMeta returns the metadata of a pod that trains or serves: the user's, and Trainyard's own labels.
func PodMeta(asked v1alpha1.PodTemplate, own map[string]string) metav1.ObjectMeta {
	labels := map[string]string{}
	maps.Copy(labels, asked.Labels)
	maps.Copy(labels, own)
	return metav1.ObjectMeta{Labels: labels, Annotations: maps.Clone(asked.Annotations)}
}

// TestPodMeta returns the metadata of a pod that tests. It has none of the user's labels: Services, budgets and spread
// constraints of the user's own select the pods that serve by them.
func TestPodMeta(asked v1alpha1.PodTemplate, own map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Labels: maps.Clone(own), Annotations: maps.Clone(asked.Annotations)}
}

// ApplyPodTemplate gives a pod that trains or serves what the user asks of it, besides the environment and the resources
// of its first container. Volumes of its own have to be there: a claim is a volume of a pod once.
func ApplyPodTemplate(spec *corev1.PodSpec, asked v1alpha1.PodTemplate) error {
	applyWhoAndWhere(spec, asked)
	var err error
	if spec.Affinity, err = coreAffinity(asked.Affinity); err != nil {
		return err
	}
	for i, text := range asked.TopologySpreadConstraints {
		constraint, err := decodeCore[corev1.TopologySpreadConstraint](fmt.Sprintf("%s.topologySpreadConstraints[%d]", podTemplateField, i), text)
		if err != nil {
			return err
		}
		spec.TopologySpreadConstraints = append(spec.TopologySpreadConstraints, *constraint)
	}
	if asked.TerminationGracePeriodSeconds != nil {
		spec.TerminationGracePeriodSeconds = ClonePtr(asked.TerminationGracePeriodSeconds)
	}
	return addVolumes(spec, asked)
}

// ApplyTestTemplate gives a pod that tests what it needs of that to run where the pods may that it tests, and to fetch what they fetch. It
// isn't kept away from them, or to them.
func ApplyTestTemplate(spec *corev1.PodSpec, asked v1alpha1.PodTemplate) error {
	applyWhoAndWhere(spec, asked)
	affinity, err := coreAffinity(asked.Affinity)
	if affinity != nil && affinity.NodeAffinity != nil {
		spec.Affinity = &corev1.Affinity{NodeAffinity: affinity.NodeAffinity}
	}
	return err
}

// applyWhoAndWhere copies what holds for every pod.
func applyWhoAndWhere(spec *corev1.PodSpec, asked v1alpha1.PodTemplate) {
	spec.NodeSelector = maps.Clone(asked.NodeSelector)
	for _, t := range asked.Tolerations {
		spec.Tolerations = append(spec.Tolerations, corev1.Toleration{
			Key: t.Key, Operator: corev1.TolerationOperator(t.Operator), Value: t.Value,
			Effect: corev1.TaintEffect(t.Effect), TolerationSeconds: ClonePtr(t.TolerationSeconds),
		})
	}
	spec.PriorityClassName = asked.PriorityClassName
	if asked.RuntimeClassName != "" {
		spec.RuntimeClassName = ptr.To(asked.RuntimeClassName)
	}
	spec.ServiceAccountName = asked.ServiceAccountName
	for _, secret := range asked.ImagePullSecrets {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: secret.Name})
	}
	applySecurity(spec.SecurityContext, asked.SecurityContext)
}

// applySecurity changes whom a pod runs as. That it is nobody privileged stays.
func applySecurity(own *corev1.PodSecurityContext, asked v1alpha1.PodSecurityContext) {
	for _, id := range []struct{ own, asked **int64 }{
		{&own.RunAsUser, &asked.RunAsUser}, {&own.RunAsGroup, &asked.RunAsGroup}, {&own.FSGroup, &asked.FSGroup},
	} {
		if *id.asked != nil {
			*id.own = ClonePtr(*id.asked)
		}
	}
	if policy := asked.FSGroupChangePolicy; policy != "" {
		own.FSGroupChangePolicy = ptr.To(corev1.PodFSGroupChangePolicy(policy))
	}
	own.SupplementalGroups = slices.Clone(asked.SupplementalGroups)
	if level := asked.SELinuxOptions.Level; level != "" {
		own.SELinuxOptions = &corev1.SELinuxOptions{Level: level}
	}
}

func coreAffinity(asked v1alpha1.CoreObject) (*corev1.Affinity, error) {
	if asked == "" {
		return nil, nil
	}
	return decodeCore[corev1.Affinity](podTemplateField+".affinity", asked)
}

// decodeCore decodes what the API keeps as it is. A field that isn't core/v1's is an error: it would be ignored.
func decodeCore[T any](field string, text v1alpha1.CoreObject) (*T, error) {
	data, err := text.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%s %w", field, err)
	}
	object := new(T)
	strict, err := kjson.UnmarshalStrict(data, object)
	if err == nil && len(strict) > 0 {
		err = strict[0]
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no %s of core/v1: %w: correct it", field, reflect.TypeFor[T]().Name(), err)
	}
	return object, nil
}
