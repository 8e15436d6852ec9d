// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers wires the controllers of Trainyard's two kinds to a manager: what
// its cache holds, which types it knows, what the kinds share. Each kind has a package of
// its own, and so has each subject that both know of.
package controllers

import (
	"errors"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/explain"
	"github.com/trainyard-dev/trainyard/controllers/metrics"
	"github.com/trainyard-dev/trainyard/controllers/modelserver"
	"github.com/trainyard-dev/trainyard/controllers/notify"
	"github.com/trainyard-dev/trainyard/controllers/trainingrun"
)

// Both kinds have events. What the manager needs beside its controllers, its lease and
// the reviews by which its metrics endpoint tells who may read them, stands in config/rbac.
//
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Options are what the controllers need to know that no object says.
type Options struct {
	// RunnerImage trains where a TrainingRun names no image, and fetches models that lie outside the cluster.
	RunnerImage string
	// ServerImage serves where a ModelServer names no image.
	ServerImage string
	// Namespaces are those that the controllers work in, as the manager's cache does. None is the whole cluster.
	Namespaces []string
	// Clock tells the time. Nil is the real one.
	Clock clock.PassiveClock
	// ProgressTransport asks the runners for their progress. Nil is a plain HTTP transport.
	ProgressTransport http.RoundTripper
	// MaxConcurrentReconciles is how many objects of a kind are worked on side by
	// side. Zero is DefaultConcurrentReconciles.
	MaxConcurrentReconciles int
}

// DefaultConcurrentReconciles is how many objects of a kind are worked on side by side
// where nothing else is set. A reconcile mostly waits for the API server.
const DefaultConcurrentReconciles = 8

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
		o.MaxConcurrentReconciles = DefaultConcurrentReconciles
	}
	return o, errors.Join(missing...)
}

// SetupAll adds every controller to the manager.
func SetupAll(mgr ctrl.Manager, options Options) error {
	options, err := options.withDefaults()
	if err != nil {
		return fmt.Errorf("set up the controllers: %w", err)
	}
	recorder, err := notify.NewRecorder(mgr)
	if err != nil {
		return fmt.Errorf("set up the events: %w", err)
	}
	starts := explain.NewEvents(mgr.GetAPIReader(), options.Clock)
	if err := mgr.Add(starts); err != nil {
		return fmt.Errorf("add the reader of events: %w", err)
	}
	if err := mgr.Add(metrics.NewObjects(mgr.GetClient(), ctrlmetrics.Registry)); err != nil {
		return fmt.Errorf("add the count of objects: %w", err)
	}
	if err := trainingrun.Setup(mgr, trainingrun.Options{
		Image:                   options.RunnerImage,
		Recorder:                recorder,
		Events:                  starts,
		Clock:                   options.Clock,
		ProgressTransport:       options.ProgressTransport,
		MaxConcurrentReconciles: options.MaxConcurrentReconciles,
	}); err != nil {
		return fmt.Errorf("set up the TrainingRun controller: %w", err)
	}
	if err := modelserver.Setup(mgr, modelserver.Options{
		Image:                   options.ServerImage,
		PullImage:               options.RunnerImage,
		Namespaces:              options.Namespaces,
		Recorder:                recorder,
		Events:                  starts,
		Clock:                   options.Clock,
		MaxConcurrentReconciles: options.MaxConcurrentReconciles,
	}); err != nil {
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
