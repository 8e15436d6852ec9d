// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package wrappers

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// ModelServerWrapper builds a ModelServer.
type ModelServerWrapper struct{ server v1alpha1.ModelServer }

// MakeModelServer starts a ModelServer of a TrainingRun's model with the defaults that
// the API server would give it.
func MakeModelServer(name, namespace, run string) *ModelServerWrapper {
	return &ModelServerWrapper{server: v1alpha1.ModelServer{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: v1alpha1.ModelServerSpec{
			Model:     v1alpha1.ServedModel{TrainingRunRef: v1alpha1.TrainingRunReference{Name: run}},
			Replicas:  ptr.To[int32](1),
			Smoke:     v1alpha1.Smoke{Timeout: "2m", Attempts: 5},
			Promotion: v1alpha1.Promotion{Mode: v1alpha1.AutomaticPromotion, BakeTime: "5m"},
			Rollout:   v1alpha1.Rollout{Paused: ptr.To(false), ProgressDeadline: "10m", RevisionHistoryLimit: ptr.To[int32](10)},
			Server: v1alpha1.Server{
				MaxBatch: 16, MaxBatchDelay: "2ms", MaxBodyBytes: "10Mi", MaxPixels: "50M",
				Threads: ptr.To[int32](0), LogRequests: v1alpha1.Enabled,
			},
			Service:             v1alpha1.Service{Type: corev1.ServiceTypeClusterIP, Port: 80},
			PodDisruptionBudget: v1alpha1.PodDisruptionBudget{Mode: v1alpha1.AutomaticDisruptionBudget, MaxUnavailablePercent: 25},
		},
	}}
}

// Obj returns the ModelServer.
func (w *ModelServerWrapper) Obj() *v1alpha1.ModelServer { return w.server.DeepCopy() }

// UID sets the UID.
func (w *ModelServerWrapper) UID(uid string) *ModelServerWrapper {
	w.server.UID = types.UID(uid)
	return w
}

// Generation sets the generation.
func (w *ModelServerWrapper) Generation(generation int64) *ModelServerWrapper {
	w.server.Generation = generation
	return w
}

// Replicas sets the number of replicas.
func (w *ModelServerWrapper) Replicas(replicas int32) *ModelServerWrapper {
	w.server.Spec.Replicas = ptr.To(replicas)
	return w
}

// Autoscaling scales between least and most replicas.
func (w *ModelServerWrapper) Autoscaling(least, most int32) *ModelServerWrapper {
	w.server.Spec.Autoscaling = &v1alpha1.Autoscaling{MinReplicas: least, MaxReplicas: most, TargetCPUUtilizationPercentage: ptr.To[int32](70)}
	return w
}

// Smoke sets how candidates are tested.
func (w *ModelServerWrapper) Smoke(smoke v1alpha1.Smoke) *ModelServerWrapper {
	w.server.Spec.Smoke = smoke
	return w
}

// Gate adds a promotion gate.
func (w *ModelServerWrapper) Gate(metric string, least v1alpha1.Fraction) *ModelServerWrapper {
	w.server.Spec.Promotion.Gates = append(w.server.Spec.Promotion.Gates, v1alpha1.PromotionGate{Metric: metric, Min: least})
	return w
}

// NotWorseThanLive adds a promotion gate that compares with the live model.
func (w *ModelServerWrapper) NotWorseThanLive(metric string, by v1alpha1.Fraction) *ModelServerWrapper {
	w.server.Spec.Promotion.Gates = append(w.server.Spec.Promotion.Gates, v1alpha1.PromotionGate{Metric: metric, NotWorseThanLive: by})
	return w
}

// Selector serves the newest Complete TrainingRun with a label, rather than the model of one that is named.
func (w *ModelServerWrapper) Selector(key, value string) *ModelServerWrapper {
	w.server.Spec.Model = v1alpha1.ServedModel{TrainingRunSelector: v1alpha1.TrainingRunSelector{MatchLabels: map[string]string{key: value}}}
	return w
}

// Manual has a person promote candidates.
func (w *ModelServerWrapper) Manual() *ModelServerWrapper {
	w.server.Spec.Promotion.Mode = v1alpha1.ManualPromotion
	return w
}

// BakeTime sets how long a promoted revision is watched.
func (w *ModelServerWrapper) BakeTime(bakeTime v1alpha1.GoDuration) *ModelServerWrapper {
	w.server.Spec.Promotion.BakeTime = bakeTime
	return w
}

// Service sets type and port of the Service.
func (w *ModelServerWrapper) Service(serviceType corev1.ServiceType, port int32) *ModelServerWrapper {
	w.server.Spec.Service = v1alpha1.Service{Type: serviceType, Port: port}
	return w
}

// Image sets the server's image.
func (w *ModelServerWrapper) Image(image string) *ModelServerWrapper {
	w.server.Spec.Image = image
	return w
}

// PodTemplate sets what is changed of the pods.
func (w *ModelServerWrapper) PodTemplate(template v1alpha1.PodTemplate) *ModelServerWrapper {
	w.server.Spec.PodTemplate = *template.DeepCopy()
	return w
}
