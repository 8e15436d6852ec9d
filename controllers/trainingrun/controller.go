// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/explain"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/notify"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/patch"
)

// +kubebuilder:rbac:groups=trainyard.dev,resources=trainingruns,verbs=get;list;watch
// +kubebuilder:rbac:groups=trainyard.dev,resources=trainingruns/status,verbs=patch
// +kubebuilder:rbac:groups=trainyard.dev,resources=trainingruns/finalizers,verbs=update
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups="",resources=limitranges,verbs=get;list;watch

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
		client:    mgr.GetClient(),
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

// scope is what one reconcile works on. Each field says which phase sets it.
type scope struct {
	run *v1alpha1.TrainingRun
	now time.Time

	observed bool             // observe: the cluster has been read
	over     bool             // observe: the run has ended before
	job      *batchv1.Job     // observe, reconcileJob: the run's own Job, or nil
	pods     []*corev1.Pod    // observe: that Job's pods, the oldest first
	strayPod *corev1.Pod      // observe: a pod of an earlier Job that hasn't ended yet, or nil
	problem  podstate.Problem // observe: what keeps the newest pod from running, or the Job from having one
	progress *observedProgress

	ended         bool              // finishEarly: there is nothing more to do
	desired       *batchv1.Job      // checkSpec
	end           *metav1.Time      // collectResult: when the Job ended
	published     *publishedResult  // collectResult
	failure       *runFailure       // collectResult: the run has failed for good
	resultMissing *v1alpha1.Failure // collectResult: the Job succeeded without a result

	repairs []string // any: what was changed outside Trainyard and has been put right

	requeueAfter time.Duration // any: the soonest time to look again; zero is never
}

// requeueWithin asks for another reconcile after at most this long; zero asks for none.
func (s *scope) requeueWithin(d time.Duration) {
	if d > 0 && (s.requeueAfter == 0 || d < s.requeueAfter) {
		s.requeueAfter = d
	}
}

func (s *scope) newestPod() *corev1.Pod {
	if len(s.pods) == 0 {
		return nil
	}
	return s.pods[len(s.pods)-1]
}

// activePod returns the newest pod, if it hasn't ended.
func (s *scope) activePod() *corev1.Pod {
	pod := s.newestPod()
	if pod == nil || podstate.IsTerminated(pod) || pod.DeletionTimestamp != nil {
		return nil
	}
	return pod
}

func (s *scope) endTime() *metav1.Time {
	if s.end == nil || s.end.IsZero() {
		return &metav1.Time{Time: s.now}
	}
	return s.end.DeepCopy()
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
		if patchErr := client.IgnoreNotFound(helper.PatchStatus(ctx, run)); patchErr != nil {
			err = errors.Join(err, patchErr)
		}
		result, err = r.retries.ResultOf(req, s.requeueAfter, err)
	}()
	return ctrl.Result{}, r.runPhases(ctx, s)
}

// runRepairedReason is the reason of the event that what was changed of a run outside
// Trainyard was put right.
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

// observe reads the run's Job, that Job's pods and what the newest says of its progress.
func (r *reconciler) observe(ctx context.Context, s *scope) error {
	key := types.NamespacedName{Namespace: s.run.Namespace, Name: jobName(s.run)}
	if err := r.observeJob(ctx, s, key); err != nil {
		return err
	}
	s.over = isOver(&s.run.Status, s.job)
	pods := &corev1.PodList{}
	if err := r.client.List(ctx, pods, client.InNamespace(s.run.Namespace), client.MatchingFields{runIndex: s.run.Name}); err != nil {
		return fmt.Errorf("list the pods of TrainingRun %s: %w", klog.KObj(s.run), err)
	}
	s.pods, s.strayPod = sortPods(children.PodsIn(pods), s.job, key.Name)
	if s.job != nil && !s.ended && children.HidesPods(s.pods, s.job.Status.Active) {
		if err := r.observeLive(ctx, s); err != nil {
			return err
		}
	}
	s.observed = true
	r.observePod(s)
	return nil
}

// observeJob reads the run's Job; past the cache if that doesn't show one that status
// reports, for it may have lost its labels.
func (r *reconciler) observeJob(ctx context.Context, s *scope, key types.NamespacedName) error {
	job := &batchv1.Job{}
	err := r.client.Get(ctx, key, job)
	if apierrors.IsNotFound(err) && s.run.Status.JobName != "" && !isEnded(&s.run.Status) {
		err = r.live.Get(ctx, key, job)
	}
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("get Job %s: %w", key, err)
	case runs.IsChildOf(job, s.run):
		s.job = job
	}
	return nil
}

// restoreJob puts back what was edited of the Job and its pods.
func (r *reconciler) restoreJob(ctx context.Context, s *scope) error {
	if s.job == nil {
		return nil
	}
	note := func(repaired bool, err error, message string) error {
		if repaired {
			s.repairs = append(s.repairs, message)
		}
		return err
	}
	labels := ownLabels(s.run)
	restored, err := children.RestoreIdentity(ctx, r.client, s.job, children.JobKind, children.Identity{Labels: labels, Owner: &ownedBy(s.run)[0]})
	errs := []error{note(restored, err, children.RestoredMessage(children.JobKind, s.job))}
	if !ptr.Deref(s.run.Spec.Suspend, false) {
		restored, err = children.RestoreJobSpec(ctx, r.client, r.live, s.job, jobSpecOf(s.run))
		errs = append(errs, note(restored, err, children.JobEditedMessage(s.job)))
	}
	for _, pod := range s.pods {
		restored, err := children.RestoreIdentity(ctx, r.client, pod, children.PodKind, children.Identity{Labels: labels})
		errs = append(errs, note(restored, err, children.RestoredMessage(children.PodKind, pod)))
		restored, err = children.RestoreImages(ctx, r.client, r.live, pod, &s.job.Spec.Template.Spec)
		errs = append(errs, note(restored, err, children.ImageEditedMessage(pod)+"; set it back"))
	}
	return errors.Join(errs...)
}

// sortPods returns the pods of a Job, the oldest first, and a pod of an earlier Job of
// this name that hasn't ended.
func sortPods(all []*corev1.Pod, job *batchv1.Job, jobName string) (pods []*corev1.Pod, stray *corev1.Pod) {
	for _, pod := range all {
		switch {
		case job != nil && metav1.IsControlledBy(pod, job):
			pods = append(pods, pod)
		case pod.Labels[batchv1.JobNameLabel] == jobName && !podstate.IsTerminated(pod):
			stray = pod
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return pods, stray
}

// observePod finds out what the newest pod waits for, or how far it has come; or why there is none.
func (r *reconciler) observePod(s *scope) {
	pod := s.activePod()
	if pod == nil || pod.Status.Phase != corev1.PodRunning || s.over {
		r.progress.forget(client.ObjectKeyFromObject(s.run))
	} else {
		s.progress = r.progress.track(client.ObjectKeyFromObject(s.run), pod)
	}
	var again time.Duration
	switch newest := s.newestPod(); {
	case pod != nil:
		s.problem, again = r.explainer.ExplainPod(s.run, pod)
	case s.job != nil && !s.over && (newest == nil || newest.Status.Phase != corev1.PodSucceeded):
		s.problem, again = r.explainer.ExplainJob(s.run, s.job, runnerAsker)
	}
	s.requeueWithin(again)
}

// finishEarly stops at a run that has ended: nothing that happens to its Job changes
// that. What it has published is read once more while its pod is there: somebody may
// have changed the status.
func (r *reconciler) finishEarly(_ context.Context, s *scope) error {
	s.ended = s.over
	if !s.ended || !meta.IsStatusConditionTrue(s.run.Status.Conditions, v1alpha1.CompleteCondition) || s.job == nil {
		return nil
	}
	if end := children.FindJobEnd(s.job); end != nil && end.Type == batchv1.JobComplete {
		s.end = s.job.Status.CompletionTime
		s.published, _ = publishedBy(s.run, s.pods)
	}
	return nil
}

// checkSpec finds what the schema can't.
func (r *reconciler) checkSpec(ctx context.Context, s *scope) error {
	ranges, err := children.ListLimitRanges(ctx, r.client, s.run.Namespace)
	if err != nil {
		return err
	}
	job, err := desiredJob(jobInput{run: s.run, image: r.image, attempt: nextAttempt(&s.run.Status), ranges: ranges})
	if err != nil {
		return loop.Stalled(v1alpha1.InvalidSpecReason, err)
	}
	s.desired = job
	return nil
}

// nextAttempt is the attempt of the next Job. That a Job has succeeded without a
// result is in status before that Job is deleted.
func nextAttempt(status *v1alpha1.TrainingRunStatus) int {
	if status.LastFailure != nil && status.LastFailure.Reason == v1alpha1.ResultMissingReason {
		return 1
	}
	return 0
}

// reconcileJob has one Job run, or none while the run is suspended. A Job that has
// ended is left for its result.
func (r *reconciler) reconcileJob(ctx context.Context, s *scope) error {
	switch suspended := ptr.Deref(s.run.Spec.Suspend, false); {
	case s.job != nil && children.FindJobEnd(s.job) != nil:
		return nil
	case suspended && s.job != nil:
		return r.deleteJob(ctx, s.job)
	case suspended:
		return nil
	case s.job != nil && s.job.DeletionTimestamp != nil:
		return loop.Waiting(v1alpha1.WaitingForDeletionReason, 0, fmt.Errorf("the earlier Job %s is being deleted; another is made when it is gone", s.job.Name))
	case s.job != nil && s.activePod() == nil && podstate.IsRefusedByRange(s.problem) && !sameResources(s.job, s.desired):
		return r.deleteJob(ctx, s.job) // another is made with the resources that are allowed now
	case s.job != nil:
		return nil
	case s.strayPod != nil:
		message, again := podstate.DescribeLeaving(s.strayPod, s.now)
		return loop.Waiting(v1alpha1.WaitingForDeletionReason, again, errors.New(message))
	default:
		return r.createJob(ctx, s)
	}
}

// createJob makes the Job, or finds the one that the cache doesn't show yet.
func (r *reconciler) createJob(ctx context.Context, s *scope) error {
	job := s.desired.DeepCopy()
	err := r.client.Create(ctx, job, client.FieldOwner(v1alpha1.FieldManager))
	switch {
	case err == nil:
		logf.FromContext(ctx).Info("Created Job", "job", klog.KObj(job), "attempt", children.JobAttempt(job))
		s.job = job
		return nil
	case apierrors.IsInvalid(err):
		return loop.Stalled(v1alpha1.InvalidSpecReason, fmt.Errorf("the API server refuses the run's Job: %w", err))
	case !apierrors.IsAlreadyExists(err):
		return fmt.Errorf("create Job %s: %w", klog.KObj(job), err)
	}
	existing := &batchv1.Job{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(job), existing); err != nil {
		return fmt.Errorf("get Job %s, which exists: %w", klog.KObj(job), err)
	}
	if err := runs.CheckOwnership(existing, s.run, children.JobKind); err != nil {
		return err
	}
	s.job = existing
	return r.restoreJob(ctx, s)
}

// deleteJob deletes a Job and has it stay until its pods are gone, so that the next
// one doesn't start beside them. It fails with a conflict if the Job has changed since
// it was read: it may have ended.
func (r *reconciler) deleteJob(ctx context.Context, job *batchv1.Job) error {
	if job.DeletionTimestamp != nil {
		return nil
	}
	err := r.client.Delete(ctx, job,
		client.PropagationPolicy(metav1.DeletePropagationForeground),
		client.Preconditions{UID: &job.UID, ResourceVersion: &job.ResourceVersion})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Job %s: %w", klog.KObj(job), err)
	}
	logf.FromContext(ctx).Info("Deleted Job", "job", klog.KObj(job))
	return nil
}

// collectResult reads what has come of a Job that has ended.
func (r *reconciler) collectResult(ctx context.Context, s *scope) error {
	if s.job == nil {
		return nil
	}
	end := children.FindJobEnd(s.job)
	if end == nil {
		return nil
	}
	if end.Type == batchv1.JobFailed {
		s.end = &end.LastTransitionTime
		return r.collectFailure(ctx, s, end)
	}
	s.end = s.job.Status.CompletionTime
	return r.collectPublished(ctx, s)
}

// collectPublished reads the result of the Job's succeeded pod. The cache of pods may
// be behind that of Jobs, so it isn't believed when it has none.
func (r *reconciler) collectPublished(ctx context.Context, s *scope) error {
	published, cause := publishedBy(s.run, s.pods)
	if cause != nil {
		if err := r.observeLive(ctx, s); err != nil {
			return err
		}
		published, cause = publishedBy(s.run, s.pods)
	}
	if cause == nil {
		s.published = published
		return nil
	}
	message := fmt.Sprintf("the runner succeeded without a result that can be read: %v", cause)
	if children.JobAttempt(s.job) > 0 {
		s.failure = &runFailure{reason: v1alpha1.ResultMissingReason, message: message + "; it was run a second time"}
		return nil
	}
	return r.runAgain(ctx, s, message)
}

// runAgain has a Job made again whose result can't be read. A runner that has
// published already only says so again. The first pass leaves that in status, which
// the next Job's attempt is taken from; the second deletes the Job.
func (r *reconciler) runAgain(ctx context.Context, s *scope, message string) error {
	if nextAttempt(&s.run.Status) > 0 {
		s.resultMissing = s.run.Status.LastFailure.DeepCopy() // the pod goes with its Job: the first cause is the true one
		return r.deleteJob(ctx, s.job)
	}
	s.resultMissing = &v1alpha1.Failure{
		Reason:  v1alpha1.ResultMissingReason,
		Message: message + "; the Job is made again once",
		Time:    s.endTime(),
	}
	s.requeueWithin(recordGrace)
	return nil
}

// collectFailure finds out why the Job failed. A run that missed a gate has published
// its model all the same. What it decides is final, and the cache of pods may be behind
// that of Jobs: it may know of an earlier failure only.
func (r *reconciler) collectFailure(ctx context.Context, s *scope, end *batchv1.JobCondition) error {
	if ended, err := r.endedByEdit(ctx, s, end); ended || err != nil {
		return err
	}
	if err := r.observeLive(ctx, s); err != nil {
		return err
	}
	last := newestFailure(s.run, s.pods)
	if last == nil {
		last = s.run.Status.LastFailure
	}
	failure := terminalFailure(s.job, end, last)
	if failure.reason == v1alpha1.GateNotMetReason {
		if pod := s.newestPod(); pod != nil {
			s.published = gateMissed(s.run, pod)
		}
		if s.published == nil && children.JobAttempt(s.job) == 0 {
			return r.runAgain(ctx, s, "the model missed a gate, and what was published can't be read: the pod is gone or left no result")
		}
	}
	if last != nil && last.Reason == v1alpha1.ResultMissingReason && children.JobAttempt(s.job) == 0 {
		return r.runAgain(ctx, s, last.Message) // that was decided, and its pod is gone
	}
	s.failure = failure
	return nil
}

// observeLive reads the Job's pods past the cache.
func (r *reconciler) observeLive(ctx context.Context, s *scope) error {
	pods, err := children.ListPods(ctx, r.live, s.run.Namespace, children.JobSelector(s.job))
	if err != nil {
		return err
	}
	s.pods, s.strayPod = sortPods(pods, s.job, s.job.Name)
	return nil
}
