// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers holds the reconcile loops of Trainyard's two kinds. Each kind
// has a file with its reconcile loop, a file of pure builders per child object, and a
// file that turns what was observed into status, pure too.
package controllers

import (
	"errors"
	"fmt"
	"net/http"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Both kinds have events. What the manager needs beside its controllers, its lease and
// the reviews by which its metrics endpoint tells who may read them, stands in config/rbac.
//
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Options are what the controllers need to know that no object says.
type Options struct {
	// RunnerImage trains where a TrainingRun names no image.
	RunnerImage string
	// ServerImage serves where a ModelServer names no image.
	ServerImage string
	// Clock tells the time. Nil is the real one.
	Clock clock.PassiveClock
	// ProgressTransport asks the runners for their progress. Nil is a plain HTTP transport.
	ProgressTransport http.RoundTripper
	// MaxConcurrentReconciles is how many objects of a kind are worked on side by
	// side. Zero is 4.
	MaxConcurrentReconciles int
}

const defaultConcurrentReconciles = 4

func (o Options) withDefaults() (Options, error) {
	var missing []error
	if o.RunnerImage == "" {
		missing = append(missing, errors.New("no runner image is set"))
	}
	if o.ServerImage == "" {
		missing = append(missing, errors.New("no server image is set"))
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.MaxConcurrentReconciles == 0 {
		o.MaxConcurrentReconciles = defaultConcurrentReconciles
	}
	return o, errors.Join(missing...)
}

// SetupAll adds every controller to the manager.
func SetupAll(mgr ctrl.Manager, options Options) error {
	options, err := options.withDefaults()
	if err != nil {
		return fmt.Errorf("set up the controllers: %w", err)
	}
	recorder, err := newRecorder(mgr)
	if err != nil {
		return fmt.Errorf("set up the events: %w", err)
	}
	if err := setupTrainingRun(mgr, recorder, options); err != nil {
		return fmt.Errorf("set up the TrainingRun controller: %w", err)
	}
	if err := setupModelServer(mgr, recorder, options); err != nil {
		return fmt.Errorf("set up the ModelServer controller: %w", err)
	}
	return nil
}

// Scheme returns the types that the controllers read and write.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("build the scheme: %w", err)
	}
	return scheme, nil
}

// CacheOptions keep objects out of the manager's memory that aren't Trainyard's: of
// kinds that other people use, only those with Trainyard's label are watched.
func CacheOptions() cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{managedByLabel: managedByValue})}
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&batchv1.Job{}:                           ours,
			&corev1.Pod{}:                            ours,
			&corev1.Service{}:                        ours,
			&appsv1.Deployment{}:                     ours,
			&appsv1.ControllerRevision{}:             ours,
			&discoveryv1.EndpointSlice{}:             ours,
			&autoscalingv2.HorizontalPodAutoscaler{}: ours,
		},
	}
}
