// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package defaults reads what a namespace's ConfigMap says for TrainingRuns and ModelServers that leave it out. Nothing of
// it is written into a spec, and it is used where a Job or a revision is made: what exists stays as it is.
package defaults

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// ConfigMapName names the ConfigMap with the defaults of its namespace.
const ConfigMapName = "trainyard-defaults"

// Keys of the ConfigMap.
const (
	RunKey    = "trainingrun.yaml"
	ServerKey = "modelserver.yaml"
)

// Defaults are what a kind's objects are given in a namespace, in the fields of their spec. The zero value gives nothing.
type Defaults struct {
	// Image is the image that trains or serves.
	Image string `json:"image,omitempty"`
	// Gates are those of objects whose list is left out.
	Gates []v1alpha1.Gate `json:"gates,omitempty"`
	// PodTemplate is what pods are given.
	PodTemplate PodTemplate `json:"podTemplate,omitzero"`
}

// PodTemplate is what pods are given. Maps are merged by key, lists stand for those that are left out.
type PodTemplate struct {
	Resources        v1alpha1.ResourceRequirements `json:"resources,omitzero"`
	NodeSelector     map[string]string             `json:"nodeSelector,omitempty"`
	Tolerations      []v1alpha1.Toleration         `json:"tolerations,omitempty"`
	ImagePullSecrets []v1alpha1.SecretReference    `json:"imagePullSecrets,omitempty"`

	own corev1.ResourceRequirements // Resources, parsed
}

// Read returns the defaults that a namespace has under a key. Those that can't be used make an object Stalled.
func Read(ctx context.Context, reader client.Reader, namespace, key string) (Defaults, error) {
	found := &corev1.ConfigMap{}
	err := reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ConfigMapName}, found)
	switch {
	case apierrors.IsNotFound(err) || err == nil && found.DeletionTimestamp != nil:
		return Defaults{}, nil
	case err != nil:
		return Defaults{}, fmt.Errorf("get ConfigMap %s: %w", ConfigMapName, err)
	}
	given, err := parse(found, key)
	if err != nil {
		return Defaults{}, loop.Stalled(v1alpha1.DefaultsInvalidReason, fmt.Errorf("ConfigMap %s, which holds this namespace's defaults, %w", ConfigMapName, err))
	}
	return given, nil
}

// ForRun returns a copy of a run with what its spec leaves out, except resources, which give way to the user's.
func (d Defaults) ForRun(run *v1alpha1.TrainingRun) *v1alpha1.TrainingRun {
	filled := run.DeepCopy()
	filled.Spec.Image = children.ImageOr(run.Spec.Image, d.Image)
	filled.Spec.Gates = d.gates(run.Spec.Gates, run.Spec.Output.Quantization == v1alpha1.Int8Quantization)
	d.fill(&filled.Spec.PodTemplate)
	return filled
}

// ForServer returns a copy of a server with what its spec leaves out, except resources, which give way to the user's.
func (d Defaults) ForServer(server *v1alpha1.ModelServer) *v1alpha1.ModelServer {
	filled := server.DeepCopy()
	filled.Spec.Image = children.ImageOr(server.Spec.Image, d.Image)
	if server.Spec.Promotion.Gates == nil {
		for _, gate := range d.gates(nil, true) {
			filled.Spec.Promotion.Gates = append(filled.Spec.Promotion.Gates, v1alpha1.PromotionGate{Metric: gate.Metric, Min: gate.Min, Max: gate.Max})
		}
	}
	d.fill(&filled.Spec.PodTemplate)
	return filled
}

// gates returns an object's own or, if its list is left out, the defaults. An empty list is none. Only a quantized model
// has an accuracyLoss.
func (d Defaults) gates(own []v1alpha1.Gate, quantized bool) []v1alpha1.Gate {
	if own != nil {
		return own
	}
	return slices.DeleteFunc(slices.Clone(d.Gates), func(g v1alpha1.Gate) bool { return g.Metric == contract.MetricAccuracyLoss && !quantized })
}

func (d Defaults) fill(pod *v1alpha1.PodTemplate) {
	given := d.PodTemplate
	if len(given.NodeSelector) > 0 {
		merged := maps.Clone(given.NodeSelector)
		maps.Copy(merged, pod.NodeSelector)
		pod.NodeSelector = merged
	}
	if len(pod.Tolerations) == 0 {
		pod.Tolerations = slices.Clone(given.Tolerations)
	}
	if len(pod.ImagePullSecrets) == 0 {
		pod.ImagePullSecrets = slices.Clone(given.ImagePullSecrets)
	}
}

// Resources returns what a container gets where the user says nothing: the defaults and, where these say nothing, own.
func (d Defaults) Resources(own corev1.ResourceRequirements) corev1.ResourceRequirements {
	merged := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for _, from := range []corev1.ResourceRequirements{own, d.PodTemplate.own} {
		maps.Copy(merged.Requests, from.Requests)
		maps.Copy(merged.Limits, from.Limits)
	}
	return merged
}

// Blame adds to what the API server says of a child that these defaults are part of it.
func (d Defaults) Blame(err error) error {
	if err == nil || d.isZero() {
		return err
	}
	return fmt.Errorf("%w; what the spec leaves out is of ConfigMap %s: correct that, or set it in the spec", err, ConfigMapName)
}

func (d Defaults) isZero() bool {
	p := d.PodTemplate
	return d.Image == "" && len(d.Gates)+len(p.Resources.Requests)+len(p.Resources.Limits)+len(p.NodeSelector)+len(p.Tolerations)+len(p.ImagePullSecrets) == 0
}
