// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/explain"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/metrics"
	"github.com/trainyard-dev/trainyard/controllers/notify"
	"github.com/trainyard-dev/trainyard/internal/patch"
)

// +kubebuilder:rbac:groups=trainyard.dev,resources=trainingruns,verbs=get;list;watch
// +kubebuilder:rbac:groups=trainyard.dev,resources=trainingruns/status,verbs=patch
// +kubebuilder:rbac:groups=trainyard.dev,resources=trainingruns/finalizers,verbs=update
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups="",resources=limitranges,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=configmaps,resourceNames=trainyard-defaults,verbs=list;watch

const (
	trainAction = "Train" // the action of every event about a run

	runIndex = "run" // pods, by the TrainingRun that their label names

	// recordGrace is how long the cache gets to show a status that was just written.
	recordGrace = time.Second
)

// reconciler runs the Job of each TrainingRun and tells in its status what
// comes of it.
type reconciler struct {
	client    client.Client
	live      client.Reader // reads past the cache
	recorder  events.EventRecorder
	retries   *loop.Limiter
	explainer *explain.Explainer
	clock     clock.PassiveClock
	image     string // of runs that name none
	progress  *poller
}

// Options are what the controller needs to know that no object says.
type Options struct {
	Image    string // of runs that name none
	Recorder events.EventRecorder
	Events   *explain.Events // that explain why pods don't start
	Clock    clock.PassiveClock
	// ProgressTransport asks the runners for their progress. Nil is a plain HTTP transport.
	ProgressTransport       http.RoundTripper
	MaxConcurrentReconciles int
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, options Options) error {
	if err := children.IndexByLabel(mgr.GetFieldIndexer(), &corev1.Pod{}, runIndex, v1alpha1.TrainingRunLabel); err != nil {
		return err
	}
	r := &reconciler{
		client:    metrics.CountWrites(mgr.GetClient()),
		live:      mgr.GetAPIReader(),
		recorder:  options.Recorder,
		retries:   loop.NewLimiter(),
		explainer: explain.NewExplainer(options.Events, options.Clock),
		clock:     options.Clock,
		image:     options.Image,
		progress:  newPoller(options.ProgressTransport, options.Clock),
	}
	if err := mgr.Add(r.progress); err != nil {
		return fmt.Errorf("add the progress poller: %w", err)
	}
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.TrainingRun{}, builder.WithPredicates(loop.SpecOrStatusChanged(func(run *v1alpha1.TrainingRun) any { return &run.Status }))).
		Owns(&batchv1.Job{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(runOfPod)).
		Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(r.runsOfDefaults)). // the cache has those with defaults
		WatchesRawSource(source.Channel(r.progress.wakes, &handler.EnqueueRequestForObject{})).
		WatchesRawSource(source.Channel(r.explainer.Wakes, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: options.MaxConcurrentReconciles,
			RateLimiter:             r.retries,
		}).
		Complete(r)
}

// runOfPod returns the run whose label a pod carries.
func runOfPod(_ context.Context, pod client.Object) []reconcile.Request {
	name := pod.GetLabels()[v1alpha1.TrainingRunLabel]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.GetNamespace(), Name: name}}}
}

// runsOfDefaults returns the runs of a namespace that wait for its defaults to be corrected.
func (r *reconciler) runsOfDefaults(ctx context.Context, given client.Object) []reconcile.Request {
	list := &v1alpha1.TrainingRunList{}
	if err := r.client.List(ctx, list, client.InNamespace(given.GetNamespace())); err != nil {
		return nil // the cache has them; it has no other way to fail
	}
	var requests []reconcile.Request
	for i := range list.Items {
		stalled := meta.FindStatusCondition(list.Items[i].Status.Conditions, v1alpha1.StalledCondition)
		if stalled != nil && (stalled.Reason == v1alpha1.DefaultsInvalidReason || stalled.Reason == v1alpha1.InvalidSpecReason) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}

// Reconcile takes one TrainingRun a step further.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	run := &v1alpha1.TrainingRun{}
	if err := r.client.Get(ctx, req.NamespacedName, run); err != nil {
		if apierrors.IsNotFound(err) {
			r.progress.forget(req.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("get TrainingRun %s: %w", req, err)
	}
	if !run.DeletionTimestamp.IsZero() {
		r.progress.forget(req.NamespacedName) // the children are collected by their owner reference
		return ctrl.Result{}, nil
	}
	s := &scope{run: run, now: r.clock.Now()}
	helper := patch.NewHelper(r.client, r.recorder, v1alpha1.FieldManager, run)
	defer func() {
		err = loop.QuietNamespaceEnd(req.Namespace, err)
		computeStatus(s, err)
		notify.QueueTransitions(helper, trainAction, helper.Before().(*v1alpha1.TrainingRun).Status.Conditions, run.Status.Conditions)
		for _, repair := range s.repairs {
			helper.WarningNow(runRepairedReason, trainAction, repair)
		}
		if s.restored != "" {
			helper.Warning(runRepairedReason, trainAction, s.restored)
		}
		if patchErr := helper.PatchStatus(ctx, run); patchErr == nil {
			measure(s, &helper.Before().(*v1alpha1.TrainingRun).Status, r.clock.Now())
			err = errors.Join(err, r.keepEnding(ctx, s))
		} else if !apierrors.IsNotFound(patchErr) {
			err = errors.Join(err, patchErr)
		}
		result, err = r.retries.ResultOf(req, s.requeueAfter, err)
	}()
	return ctrl.Result{}, r.runPhases(ctx, s)
}

// runRepairedReason surfaces in an event when what was changed of a run outside Trainyard was
// put right.
const runRepairedReason = "RunRepaired"

// runPhases runs the phases in order. It stops at the first error, because each phase
// needs the one before, and once the run has ended.
func (r *reconciler) runPhases(ctx context.Context, s *scope) error {
	for _, phase := range []func(context.Context, *scope) error{
		r.observe,
		r.finishEarly,
		r.restoreJob,
		r.checkSpec,
		r.reconcileJob,
		r.collectResult,
	} {
		if err := phase(ctx, s); err != nil || s.ended {
			return err
		}
	}
	return nil
}
