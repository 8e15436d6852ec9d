// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/explain"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/notify"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
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
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups="",resources=limitranges,verbs=get;list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;list;watch;create;patch;delete

const (
	serveAction = "Serve" // the action of every event about a server

	// trainingRunIndex finds the servers of a TrainingRun: those that name it and those
	// that serve its model.
	trainingRunIndex = "trainingRuns"

	serverIndex  = "server"  // the children of a ModelServer, by the label that names it
	serviceIndex = "service" // EndpointSlices, by the Service that their label names
)

// reconciler rolls out the model of each ModelServer.
type reconciler struct {
	client    client.Client
	live      client.Reader // reads past the cache
	recorder  events.EventRecorder
	retries   *loop.Limiter
	explainer *explain.Explainer
	clock     clock.PassiveClock
	image     string // of servers that name none, and of every smoke test
	verified  verifiedSpecs
}

// Options are what the controller needs to know that no object says.
type Options struct {
	Image                   string // of servers that name none, and of every smoke test
	Recorder                events.EventRecorder
	Events                  *explain.Events // that explain why pods don't start
	Clock                   clock.PassiveClock
	MaxConcurrentReconciles int
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, options Options) error {
	r := &reconciler{
		client:    mgr.GetClient(),
		live:      mgr.GetAPIReader(),
		recorder:  options.Recorder,
		retries:   loop.NewLimiter(),
		explainer: explain.NewExplainer(options.Events, options.Clock),
		clock:     options.Clock,
		image:     options.Image,
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
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.ModelServer{}, builder.WithPredicates(loop.SpecOrStatusChanged(func(s *v1alpha1.ModelServer) any { return &s.Status }))).
		Owns(&corev1.Service{}).
		Owns(&appsv1.Deployment{}).
		Owns(&appsv1.ControllerRevision{}).
		Owns(&batchv1.Job{}).
		Owns(&autoscalingv2.HorizontalPodAutoscaler{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(serverOfLabel)).
		Watches(&discoveryv1.EndpointSlice{}, handler.EnqueueRequestsFromMapFunc(serverOfLabel)).
		Watches(&v1alpha1.TrainingRun{}, handler.EnqueueRequestsFromMapFunc(r.serversOfRun), builder.WithPredicates(resolvableChanged())).
		WatchesRawSource(source.Channel(r.explainer.Wakes, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: options.MaxConcurrentReconciles,
			RateLimiter:             r.retries,
		}).
		Complete(r)
}

func trainingRunOf(object client.Object) []string {
	server, ok := object.(*v1alpha1.ModelServer)
	if !ok {
		return nil
	}
	runs := []string{server.Spec.Model.TrainingRunRef.Name}
	for _, revision := range []*v1alpha1.LiveRevision{server.Status.Live, server.Status.Fallback} {
		if revision != nil && !slices.Contains(runs, revision.Model.TrainingRun) {
			runs = append(runs, revision.Model.TrainingRun)
		}
	}
	return runs
}

// serverOfLabel returns the server whose label a pod or EndpointSlice carries; slices
// have the labels of their Service.
func serverOfLabel(_ context.Context, object client.Object) []reconcile.Request {
	name := object.GetLabels()[v1alpha1.ModelServerLabel]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: name}}}
}

// serversOfRun returns the servers that name a TrainingRun.
func (r *reconciler) serversOfRun(ctx context.Context, run client.Object) []reconcile.Request {
	servers := &v1alpha1.ModelServerList{}
	if err := r.client.List(ctx, servers, client.InNamespace(run.GetNamespace()), client.MatchingFields{trainingRunIndex: run.GetName()}); err != nil {
		return nil // the cache has this index; it has no other way to fail
	}
	var requests []reconcile.Request
	for i := range servers.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&servers.Items[i])})
	}
	return requests
}

// resolvableChanged lets changes of a TrainingRun through that may resolve it to
// something else: not its progress.
func resolvableChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.TrainingRun)
		after, ok2 := e.ObjectNew.(*v1alpha1.TrainingRun)
		if !ok || !ok2 {
			return false
		}
		oldInfo, oldUnresolved := resolveRun(before.Name, before)
		newInfo, newUnresolved := resolveRun(after.Name, after)
		return !equality.Semantic.DeepEqual(oldInfo, newInfo) || !equality.Semantic.DeepEqual(oldUnresolved, newUnresolved)
	}}
}

// scope is what one reconcile works on. Each field says which phase sets it.
type scope struct {
	server *v1alpha1.ModelServer
	now    time.Time

	config     servingConfig       // checkSpec
	info       *revisionInfo       // resolveModel: of the spec's revision; nil while unresolved
	unresolved *rollout.Unresolved // resolveModel: why info is nil

	service     *corev1.Service                       // observe, execute: nil if there is none
	deployments map[string]*appsv1.Deployment         // observe: by name
	templates   map[string]*appsv1.ControllerRevision // observe: by name, which is the revision's
	kept        map[string]revisionTemplate           // observe: what templates hold
	resets      map[string]string                     // observe: Deployments that aren't as their template says, with what an event says of it
	restarts    map[string]string                     // observe: Deployments with pods that were edited, with what an event says of it
	moves       map[string]revisionTemplate           // observe: new templates of revisions, whose model lies elsewhere now, say
	pods        map[string][]*corev1.Pod              // observe: by revision; a test's by the name of its Job
	strays      []*corev1.Pod                         // observe: pods that get a revision's traffic and aren't the revision's
	slices      []*discoveryv1.EndpointSlice          // observe: the Service's, of Kubernetes' own making
	jobs        map[string]*batchv1.Job               // observe: by name
	observed    *rollout.Observed                     // observe; execute brings it up to date

	actions rollout.Actions // plan

	repairs []string // any: what was changed outside Trainyard and has been put right
	errs    []error  // observe: what can't be told of single revisions, which holds up nothing else

	autoscaler *autoscalingv2.HorizontalPodAutoscaler // reconcileAutoscaler: nil if there is none

	skipped string // execute: why a test that was started doesn't compare

	problem podstate.Problem // explain: what keeps the pods from running that are waited for

	requeueAfter time.Duration // any: the soonest time to look again; zero is never
}

// requeueWithin asks for another reconcile after at most this long.
func (s *scope) requeueWithin(d time.Duration) {
	if d > 0 && (s.requeueAfter == 0 || d < s.requeueAfter) {
		s.requeueAfter = d
	}
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

// rolloutRepairedReason is the reason of the event that what somebody else has changed
// or deleted was put right.
const rolloutRepairedReason = "RolloutRepaired"

// runPhases runs the phases in order. Up to the plan it stops at the first error,
// because each phase needs the one before; what follows doesn't depend on each other, so
// that a refused port, say, holds up no rollback.
func (r *reconciler) runPhases(ctx context.Context, s *scope) error {
	for _, phase := range []func(context.Context, *scope) error{
		r.checkSpec,
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
		r.execute(ctx, s),
		r.reconcileService(ctx, s),
		r.reconcileAutoscaler(ctx, s),
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

// resolveModel finds the model that the spec names.
func (r *reconciler) resolveModel(ctx context.Context, s *scope) error {
	name := s.server.Spec.Model.TrainingRunRef.Name
	run := &v1alpha1.TrainingRun{}
	switch err := r.client.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: name}, run); {
	case apierrors.IsNotFound(err):
		run = nil
	case err != nil:
		return fmt.Errorf("get TrainingRun %s: %w", name, err)
	}
	s.info, s.unresolved = resolveRun(name, run)
	if s.info != nil {
		s.info.Image = children.ImageOr(s.server.Spec.Image, r.image)
	}
	return nil
}

// observe reads the children. The Service is read past the cache: its record decides.
func (r *reconciler) observe(ctx context.Context, s *scope) error {
	policy, err := rollout.PolicyHash(&s.server.Spec)
	if err != nil {
		return err
	}
	o := &rollout.Observed{
		Now:       s.now,
		Policy:    policy,
		Desired:   desiredReplicas(&s.server.Spec),
		Last:      lastStatus(&s.server.Status),
		Revisions: map[string]*rollout.Revision{},
		Templates: map[string]bool{},
	}
	if s.info == nil {
		o.Unresolved = *s.unresolved
	} else {
		name, err := rollout.RevisionName(s.server, s.info.Model.SHA256)
		if err != nil {
			return err
		}
		o.Target = &rollout.Target{Name: name, Model: s.info.Model, GateFailure: gateFailure(s.config.gates, s.info.Metrics)}
	}
	for _, read := range []func(context.Context, *scope, *rollout.Observed) error{
		r.observeService, r.observePods, r.observeDeployments, r.observeTemplates, r.observeDrift, r.observeEditedPods, r.observeMoves, r.observeJobs, r.observeEndpoints,
	} {
		if err := read(ctx, s, o); err != nil {
			return err
		}
	}
	s.observed = o
	return s.findServed()
}

func lastStatus(status *v1alpha1.ModelServerStatus) rollout.Last {
	last := rollout.Last{Rejected: status.Rejected, History: status.History}
	if status.Live != nil {
		last.Live = status.Live.Revision
		if status.Live.Since != nil {
			last.LiveSince = *status.Live.Since
		}
	}
	if status.Fallback != nil {
		last.Fallback = status.Fallback.Revision
	}
	if status.Candidate != nil {
		last.Candidate = status.Candidate.Revision
	}
	return last
}

func (r *reconciler) observeService(ctx context.Context, s *scope, o *rollout.Observed) error {
	service := &corev1.Service{}
	switch err := r.live.Get(ctx, client.ObjectKeyFromObject(s.server), service); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get Service %s: %w", klog.KObj(s.server), err)
	}
	if !isOwnService(s.server, service) {
		if err := servers.CheckOwnership(service, s.server, serviceKind); err != nil {
			return err
		}
	}
	if service.DeletionTimestamp != nil {
		return loop.Waiting(v1alpha1.WaitingForDeletionReason, 0, fmt.Errorf("the Service %s is being deleted; another is made when it is gone", service.Name))
	}
	s.service = service
	o.Service = observedService(service)
	return nil
}

func (r *reconciler) observePods(ctx context.Context, s *scope, _ *rollout.Observed) error {
	pods := &corev1.PodList{}
	if err := r.client.List(ctx, pods, r.indexed(s)...); err != nil {
		return fmt.Errorf("list the pods of ModelServer %s: %w", klog.KObj(s.server), err)
	}
	s.pods = map[string][]*corev1.Pod{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		key := pod.Labels[v1alpha1.RevisionLabel]
		if key == "" {
			key = pod.Labels[batchv1.JobNameLabel]
		}
		s.pods[key] = append(s.pods[key], pod)
	}
	return nil
}

func (r *reconciler) observeJobs(ctx context.Context, s *scope, o *rollout.Observed) error {
	jobs := &batchv1.JobList{}
	if err := r.client.List(ctx, jobs, r.indexed(s)...); err != nil {
		return fmt.Errorf("list the Jobs of ModelServer %s: %w", klog.KObj(s.server), err)
	}
	s.jobs = map[string]*batchv1.Job{}
	for i := range jobs.Items {
		job := &jobs.Items[i]
		id := testID(job)
		own := metav1.IsControlledBy(job, s.server) || servers.IsOrphan(job) && s.deployments[id.Revision] != nil
		if !own || id.Name() != job.Name {
			continue
		}
		observed, known := observedJob(job, podOfJob(job, s.pods[job.Name]))
		if !known {
			pods, err := children.ListPods(ctx, r.live, job.Namespace, children.JobSelector(job)) // the cache may be behind that of Jobs
			if err != nil {
				return err
			}
			observed, _ = observedJob(job, podOfJob(job, pods))
		}
		outdate(&observed, job, serviceURL(s.server), s.deployments[observed.Revision])
		if err := r.outdateResources(ctx, s, &observed, job, podOfJob(job, s.pods[job.Name])); err != nil {
			return err
		}
		s.requeueWithin(judgeStart(&observed, job, podOfJob(job, s.pods[job.Name]), s.now))
		s.jobs[job.Name] = job
		o.Jobs = append(o.Jobs, observed)
	}
	return nil
}

// podOfJob returns the pod of a test's Job, which has at most one, or nil.
func podOfJob(job *batchv1.Job, pods []*corev1.Pod) *corev1.Pod {
	for _, pod := range pods {
		if metav1.IsControlledBy(pod, job) {
			return pod
		}
	}
	return nil
}

// ours selects the children of a server.
func (r *reconciler) ours(s *scope) []client.ListOption {
	return []client.ListOption{client.InNamespace(s.server.Namespace), client.MatchingLabels(ownLabels(s.server))}
}

// indexed selects the children of a server in the cache, where an index finds them.
func (r *reconciler) indexed(s *scope) []client.ListOption {
	return append(r.ours(s), client.MatchingFields{serverIndex: s.server.Name})
}

// plan asks the planner.
func (r *reconciler) plan(_ context.Context, s *scope) error {
	s.actions = rollout.Plan(s.observed)
	s.requeueWithin(s.actions.RequeueAfter)
	return nil
}
