// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// train makes a small model.
func (b *bench) train(ctx context.Context) error {
	fmt.Println("Training a small model")
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: claimName},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("100Mi")}},
		},
	}
	if err := b.client.Create(ctx, claim); err != nil {
		return err
	}
	run := &v1alpha1.TrainingRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: runName},
		Spec: v1alpha1.TrainingRunSpec{
			Dataset:  v1alpha1.Dataset{Generated: &v1alpha1.GeneratedDataset{SamplesPerClass: 320}},
			Model:    v1alpha1.Model{ImageSize: 64},
			Training: v1alpha1.Training{Epochs: 3},
			Output:   v1alpha1.Output{PVC: v1alpha1.OutputPVC{ClaimName: claimName}},
		},
	}
	if err := b.client.Create(ctx, run); err != nil {
		return err
	}
	return b.until(ctx, "the model is trained", func(ctx context.Context) (bool, error) {
		err := b.client.Get(ctx, client.ObjectKeyFromObject(run), run)
		return meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.ReadyCondition), err
	})
}

// createServer applies the ModelServer.
func (b *bench) createServer(ctx context.Context) error {
	return b.client.Create(ctx, &v1alpha1.ModelServer{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: serverName},
		Spec: v1alpha1.ModelServerSpec{
			Model: v1alpha1.ServedModel{TrainingRunRef: v1alpha1.TrainingRunReference{Name: runName}},
			// Another bake than its users' is of no interest, and a model that guesses does.
			Promotion: v1alpha1.Promotion{BakeTime: "30s", Chance: v1alpha1.AllowChance},
		},
	})
}

func (b *bench) server(ctx context.Context) (*v1alpha1.ModelServer, error) {
	s := &v1alpha1.ModelServer{}
	return s, b.client.Get(ctx, client.ObjectKey{Namespace: b.namespace, Name: serverName}, s)
}

// edit changes the ModelServer's spec.
func (b *bench) edit(ctx context.Context, change func(*v1alpha1.ModelServer)) error {
	s, err := b.server(ctx)
	if err != nil {
		return err
	}
	base := s.DeepCopy()
	change(s)
	return b.client.Patch(ctx, s, client.MergeFrom(base))
}

// serving tells whether what the spec asks for is served. An error says that it will never be.
func (b *bench) serving(ctx context.Context) (bool, error) {
	s, err := b.server(ctx)
	if err != nil {
		return false, err
	}
	if stalled := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.StalledCondition); stalled != nil && stalled.ObservedGeneration == s.Generation {
		return true, fmt.Errorf("ModelServer %s: %s: %s", s.Name, stalled.Reason, stalled.Message)
	}
	return s.Status.ObservedGeneration == s.Generation && meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ReadyCondition), nil
}

// startProber starts the prober and waits for its first answers.
func (b *bench) startProber(ctx context.Context) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: "prober"},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: "prober", Image: b.proberImage, ImagePullPolicy: corev1.PullIfNotPresent,
				// 50 requests a second on fresh connections, and as many on all the others together. A client with a connection of its
				// own asks 2.5 times a second then: it hears with its next answer that it is to leave.
				Args:  []string{"--url=http://" + serverName, "--interval=20ms", fmt.Sprintf("--pooled=%d", b.pooled)},
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
			}},
		},
	}
	if err := b.client.Create(ctx, pod); err != nil {
		return err
	}
	return b.until(ctx, "the prober has answers", func(ctx context.Context) (bool, error) {
		report, err := b.probed(ctx)
		if err != nil {
			return false, nil //nolint:nilerr // it isn't up yet
		}
		return report.Fresh.Requests > 0 && report.Pooled.Requests > 0, nil
	})
}
