// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wrappers builds objects for tests: MakeTrainingRun("pets", "zoo").Generated(20).Obj().
package wrappers

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// TrainingRunWrapper builds a TrainingRun.
type TrainingRunWrapper struct{ run v1alpha1.TrainingRun }

// MakeTrainingRun starts a TrainingRun with the defaults that the API server would
// give it, a generated dataset and the output claim "models".
func MakeTrainingRun(name, namespace string) *TrainingRunWrapper {
	return &TrainingRunWrapper{run: v1alpha1.TrainingRun{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: v1alpha1.TrainingRunSpec{
			Dataset: v1alpha1.Dataset{
				Generated: &v1alpha1.GeneratedDataset{
					SamplesPerClass: 20, Classes: []string{"cat", "dog"}, Seed: ptr.To[int64](1), LabelNoisePercent: ptr.To[int32](0),
				},
				Split: v1alpha1.Split{ValidationPercent: 10, TestPercent: 10, Seed: ptr.To[int64](42)},
				Augmentation: v1alpha1.Augmentation{
					RotationDegrees: ptr.To[int32](0), HorizontalFlip: v1alpha1.Enabled, Brightness: "0", Contrast: "0", Saturation: "0",
				},
			},
			Model: v1alpha1.Model{Architecture: v1alpha1.BaselineCNN, ImageSize: 224, Dropout: "0.5"},
			Training: v1alpha1.Training{
				Epochs: 20, BatchSize: 32, LearningRate: "0.001", Optimizer: v1alpha1.AdamW, WeightDecay: "0.0001",
				Seed: ptr.To[int64](42), Workers: ptr.To[int32](0),
			},
			Output:       v1alpha1.Output{PVC: v1alpha1.OutputPVC{ClaimName: "models"}},
			Suspend:      ptr.To(false),
			BackoffLimit: ptr.To[int32](2),
		},
	}}
}

// Obj returns the TrainingRun.
func (w *TrainingRunWrapper) Obj() *v1alpha1.TrainingRun { return w.run.DeepCopy() }

// UID sets the UID.
func (w *TrainingRunWrapper) UID(uid string) *TrainingRunWrapper {
	w.run.UID = types.UID(uid)
	return w
}

// Generation sets the generation.
func (w *TrainingRunWrapper) Generation(generation int64) *TrainingRunWrapper {
	w.run.Generation = generation
	return w
}

// Label adds a label.
func (w *TrainingRunWrapper) Label(key, value string) *TrainingRunWrapper {
	if w.run.Labels == nil {
		w.run.Labels = map[string]string{}
	}
	w.run.Labels[key] = value
	return w
}

// DataPVC reads the dataset from a folder of a claim.
func (w *TrainingRunWrapper) DataPVC(claim, path string) *TrainingRunWrapper {
	w.run.Spec.Dataset.Generated = nil
	w.run.Spec.Dataset.PVC = &v1alpha1.DatasetPVC{ClaimName: claim, Path: path}
	return w
}

// OutputPVC publishes into a claim.
func (w *TrainingRunWrapper) OutputPVC(claim string) *TrainingRunWrapper {
	w.run.Spec.Output.PVC.ClaimName = claim
	return w
}

// Gate adds a gate.
func (w *TrainingRunWrapper) Gate(metric string, least v1alpha1.Fraction) *TrainingRunWrapper {
	w.run.Spec.Gates = append(w.run.Spec.Gates, v1alpha1.Gate{Metric: metric, Min: least})
	return w
}

// Suspend sets whether the run is suspended.
func (w *TrainingRunWrapper) Suspend(suspend bool) *TrainingRunWrapper {
	w.run.Spec.Suspend = ptr.To(suspend)
	return w
}

// BackoffLimit sets how many crashed pods are replaced.
func (w *TrainingRunWrapper) BackoffLimit(limit int32) *TrainingRunWrapper {
	w.run.Spec.BackoffLimit = ptr.To(limit)
	return w
}

// ActiveDeadlineSeconds bounds how long the run may take.
func (w *TrainingRunWrapper) ActiveDeadlineSeconds(seconds int64) *TrainingRunWrapper {
	w.run.Spec.ActiveDeadlineSeconds = ptr.To(seconds)
	return w
}

// Image sets the runner's image.
func (w *TrainingRunWrapper) Image(image string) *TrainingRunWrapper {
	w.run.Spec.Image = image
	return w
}

// PodTemplate sets what is changed of the pod.
func (w *TrainingRunWrapper) PodTemplate(template v1alpha1.PodTemplate) *TrainingRunWrapper {
	w.run.Spec.PodTemplate = *template.DeepCopy()
	return w
}

// Complete makes the run Complete with a published model.
func (w *TrainingRunWrapper) Complete(model v1alpha1.PublishedModel, metrics ...v1alpha1.Metric) *TrainingRunWrapper {
	w.run.Status.Model = model.DeepCopy()
	w.run.Status.Metrics = metrics
	for _, condition := range []string{v1alpha1.ReadyCondition, v1alpha1.CompleteCondition} {
		w.run.Status.Conditions = append(w.run.Status.Conditions, metav1.Condition{
			Type: condition, Status: metav1.ConditionTrue, Reason: v1alpha1.ModelPublishedReason,
			ObservedGeneration: w.run.Generation, LastTransitionTime: metav1.Unix(0, 0),
		})
	}
	return w
}

// Failed makes the run Failed.
func (w *TrainingRunWrapper) Failed(reason string) *TrainingRunWrapper {
	for condition, status := range map[string]metav1.ConditionStatus{
		v1alpha1.ReadyCondition:   metav1.ConditionFalse,
		v1alpha1.FailedCondition:  metav1.ConditionTrue,
		v1alpha1.StalledCondition: metav1.ConditionTrue,
	} {
		w.run.Status.Conditions = append(w.run.Status.Conditions, metav1.Condition{
			Type: condition, Status: status, Reason: reason,
			ObservedGeneration: w.run.Generation, LastTransitionTime: metav1.Unix(0, 0),
		})
	}
	return w
}
