// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/explain"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/metrics"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/notify"
	"github.com/trainyard-dev/trainyard/internal/patch"
)

// +kubebuilder:rbac:groups=trainyard.dev,resources=modelservers,verbs=get;list;watch
// +kubebuilder:rbac:groups=trainyard.dev,resources=modelservers/status,verbs=patch
// +kubebuilder:rbac:groups=trainyard.dev,resources=modelservers/finalizers,verbs=update
// +kubebuilder:rbac:groups=trainyard.dev,resources=trainingruns,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get
// +kubebuilder:rbac:groups="",resources=configmaps,resourceNames=trainyard-defaults,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups="",resources=limitranges,verbs=get;list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch;delete

const (
	serveAction = "Serve" // the action of every event about a server

	// trainingRunIndex finds the servers of a TrainingRun: those that name it and those
	// that serve its model.
	trainingRunIndex = "trainingRuns"

	modelIndex = "model" // TrainingRuns, by the digest of the model that they have published

	serverIndex  = "server"  // the children of a ModelServer, by the label that names it
	serviceIndex = "service" // EndpointSlices, by the Service that their label names
)

// reconciler rolls out the model of each ModelServer.
type reconciler struct {
	client    client.Client
	live      client.Reader // reads past the cache
	foreign   client.Reader // of EndpointSlices that Kubernetes doesn't keep
	recorder  events.EventRecorder
	retries   *loop.Limiter
	explainer *explain.Explainer
	clock     clock.PassiveClock
	image     string // of servers that name none, and of every smoke test
	pullImage string // of what fetches models that lie outside the cluster
	verified  verifiedSpecs
}

// Options are what the controller needs to know that no object says.
type Options struct {
	Image                   string   // of servers that name none, and of every smoke test
	PullImage               string   // of what fetches models that lie outside the cluster
	Namespaces              []string // none is the whole cluster
	Recorder                events.EventRecorder
	Events                  *explain.Events // that explain why pods don't start
	Clock                   clock.PassiveClock
	MaxConcurrentReconciles int
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, options Options) error {
	foreign, err := newForeignSlices(mgr, options.Namespaces)
	if err != nil {
		return err
	}
	r := &reconciler{
		client:    metrics.CountWrites(mgr.GetClient()),
		live:      mgr.GetAPIReader(),
		foreign:   foreign,
		recorder:  options.Recorder,
		retries:   loop.NewLimiter(),
		explainer: explain.NewExplainer(options.Events, options.Clock),
		clock:     options.Clock,
		image:     options.Image,
		pullImage: options.PullImage,
	}
	for _, object := range []client.Object{&corev1.Pod{}, &batchv1.Job{}, &appsv1.Deployment{}, &appsv1.ControllerRevision{}} {
		if err := children.IndexByLabel(mgr.GetFieldIndexer(), object, serverIndex, v1alpha1.ModelServerLabel); err != nil {
			return err
		}
	}
	if err := children.IndexByLabel(mgr.GetFieldIndexer(), &discoveryv1.EndpointSlice{}, serviceIndex, discoveryv1.LabelServiceName); err != nil {
		return err
	}
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.ModelServer{}, trainingRunIndex, trainingRunOf); err != nil {
		return fmt.Errorf("index ModelServers by TrainingRun: %w", err)
	}
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.TrainingRun{}, modelIndex, modelOf); err != nil {
		return fmt.Errorf("index TrainingRuns by model: %w", err)
	}
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.ModelServer{}, builder.WithPredicates(predicate.Or(
			loop.SpecOrStatusChanged(func(s *v1alpha1.ModelServer) any { return &s.Status }), steeringChanged()))).
		Owns(&corev1.Service{}).
		Owns(&appsv1.Deployment{}).
		Owns(&appsv1.ControllerRevision{}).
		Owns(&batchv1.Job{}).
		Owns(&autoscalingv2.HorizontalPodAutoscaler{}).
		Watches(&policyv1.PodDisruptionBudget{}, handler.EnqueueRequestsFromMapFunc(r.serversOfBudget), builder.WithPredicates(budgetChanged())).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(serverOfLabel)).
		Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(r.serversOfNamespace)). // the cache has those with defaults
		Watches(&discoveryv1.EndpointSlice{}, handler.EnqueueRequestsFromMapFunc(serverOfLabel)).
		Watches(&v1alpha1.TrainingRun{}, handler.EnqueueRequestsFromMapFunc(r.serversOfRun), builder.WithPredicates(resolvableChanged())).
		Watches(&corev1.LimitRange{}, handler.EnqueueRequestsFromMapFunc(r.serversOfNamespace)).
		WatchesRawSource(source.Kind(foreign, &discoveryv1.EndpointSlice{}, handler.TypedEnqueueRequestsFromMapFunc(serverOfService))).
		WatchesRawSource(source.Channel(r.explainer.Wakes, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: options.MaxConcurrentReconciles,
			RateLimiter:             r.retries,
		}).
		Complete(r)
}

// Reconcile takes one ModelServer a step further.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	server := &v1alpha1.ModelServer{}
	if err := r.client.Get(ctx, req.NamespacedName, server); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !server.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil // the children are collected by their owner reference
	}
	s := &scope{server: server, now: r.clock.Now()}
	helper := patch.NewHelper(r.client, r.recorder, v1alpha1.FieldManager, server)
	defer func() {
		err = loop.QuietNamespaceEnd(req.Namespace, err)
		computeStatus(s, err)
		notify.QueueTransitions(helper, serveAction, helper.Before().(*v1alpha1.ModelServer).Status.Conditions, server.Status.Conditions)
		for _, repair := range s.repairs {
			helper.WarningNow(rolloutRepairedReason, serveAction, repair)
		}
		for _, message := range newlyPassedOver(&helper.Before().(*v1alpha1.ModelServer).Status, &server.Status) {
			helper.Warning(v1alpha1.NewerRunRejectedReason, serveAction, message)
		}
		if s.skipped != "" {
			helper.WarningNow(comparisonSkippedReason, serveAction, s.skipped)
		}
		if patchErr := client.IgnoreNotFound(helper.PatchStatus(ctx, server)); patchErr != nil {
			err = errors.Join(err, patchErr)
		}
		result, err = r.retries.ResultOf(req, s.requeueAfter, err)
	}()
	return ctrl.Result{}, r.runPhases(ctx, s)
}

// rolloutRepairedReason surfaces in an event when what was changed or deleted outside
// Trainyard was put right.
const rolloutRepairedReason = "RolloutRepaired"

// runPhases runs the phases in order. Up to the plan it stops at the first error,
// because each phase needs the one before; what follows doesn't depend on each other, so
// that a refused port, say, holds up no rollback.
func (r *reconciler) runPhases(ctx context.Context, s *scope) error {
	for _, phase := range []func(context.Context, *scope) error{
		r.checkSpec,
		r.readDefaults,
		r.resolveModel,
		r.observe,
		r.plan,
	} {
		if err := phase(ctx, s); err != nil {
			return err
		}
	}
	err := errors.Join(
		errors.Join(s.errs...),
		r.restoreChildren(ctx, s),
		reportForeign(s),
		r.execute(ctx, s),
		r.reconcileService(ctx, s),
		r.reconcileAutoscaler(ctx, s),
		r.reconcileBudgets(ctx, s),
	)
	r.explain(s)
	return err
}

// checkSpec finds what the schema can't.
func (r *reconciler) checkSpec(_ context.Context, s *scope) (err error) {
	if s.config, err = parseServing(&s.server.Spec); err != nil {
		return loop.Stalled(v1alpha1.InvalidSpecReason, err)
	}
	return nil
}

// plan asks the planner.
func (r *reconciler) plan(ctx context.Context, s *scope) error {
	s.actions = rollout.Plan(s.observed)
	if s.actions.Rule != "" {
		logf.FromContext(ctx).V(1).Info("Planned a change of the rollout", "rule", s.actions.Rule)
	}
	s.requeueWithin(s.actions.RequeueAfter)
	return nil
}
