// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/defaults"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	runnerCommand = "train"
	// runnerGracePeriod is how long, in seconds, a runner may take from SIGTERM to write its checkpoint.
	runnerGracePeriod = 60
)

// runnerResources are what a runner gets where the user says nothing. It has no limits of
// its own: a CPU limit would only slow it down, and its memory is the user's to know.
var runnerResources = corev1.ResourceRequirements{Requests: children.ResourceList("500m", "1Gi")}

// jobInput is what a Job is made from.
type jobInput struct {
	run *v1alpha1.TrainingRun
	// image is used where the run names none.
	image string
	// attempt is how many Jobs came before because their result could not be read.
	attempt int
	// ranges are the LimitRanges of the run's namespace.
	ranges []corev1.LimitRange
	// given are the defaults of the run's namespace.
	given defaults.Defaults
}

// desiredJob builds the Job of a TrainingRun.
func desiredJob(in jobInput) (*batchv1.Job, error) {
	in.run = in.given.ForRun(in.run)
	config, err := trainConfig(in.run)
	if err != nil {
		return nil, err
	}
	tagImage(&config, children.ImageOr(in.run.Spec.Image, in.image))
	document, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encode the runner's configuration: %w", err)
	}
	run := in.run
	pod, err := runnerPod(in, string(document))
	if err != nil {
		return nil, err
	}
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name:            jobName(run),
			Namespace:       run.Namespace,
			Labels:          ownLabels(run),
			Annotations:     map[string]string{v1alpha1.AttemptAnnotation: strconv.Itoa(in.attempt)},
			OwnerReferences: ownedBy(run),
		},
		Spec: batchv1.JobSpec{
			PodFailurePolicy: runnerFailurePolicy(),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: children.PodMeta(run.Spec.PodTemplate, ownLabels(run)),
				Spec:       pod,
			},
		},
	}
	asked := jobSpecOf(run)
	job.Spec.BackoffLimit, job.Spec.ActiveDeadlineSeconds = asked.BackoffLimit, asked.ActiveDeadlineSeconds
	if queue := run.Labels[children.KueueQueueLabel]; queue != "" {
		job.Labels[children.KueueQueueLabel] = queue
		job.Spec.Suspend = ptr.To(true)
	}
	return job, nil
}

// jobSpecOf is what of a Job's spec can be edited while it runs, as the run asks for it.
func jobSpecOf(run *v1alpha1.TrainingRun) *batchv1.JobSpec {
	return &batchv1.JobSpec{
		BackoffLimit:          ptr.To(ptr.Deref(run.Spec.BackoffLimit, 0)),
		ActiveDeadlineSeconds: children.ClonePtr(run.Spec.ActiveDeadlineSeconds),
	}
}

// sameResources tells whether the runners of both Jobs have the same resources.
func sameResources(a, b *batchv1.Job) bool {
	return equality.Semantic.DeepEqual(a.Spec.Template.Spec.Containers[0].Resources, b.Spec.Template.Spec.Containers[0].Resources)
}

// runnerFailurePolicy says which failed pods are replaced. The first rule that fits counts.
func runnerFailurePolicy() *batchv1.PodFailurePolicy {
	onExit := func(action batchv1.PodFailurePolicyAction, codes ...int32) batchv1.PodFailurePolicyRule {
		return batchv1.PodFailurePolicyRule{
			Action: action,
			OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
				ContainerName: ptr.To(contract.RunnerContainer),
				Operator:      batchv1.PodFailurePolicyOnExitCodesOpIn,
				Values:        codes,
			},
		}
	}
	return &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{
		{
			Action: batchv1.PodFailurePolicyActionIgnore,
			OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{
				{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue},
			},
		},
		onExit(batchv1.PodFailurePolicyActionIgnore, contract.ExitTerminated),
		onExit(batchv1.PodFailurePolicyActionFailJob,
			contract.ExitConfig, contract.ExitDataset, contract.ExitGate, contract.ExitArtifact, contract.ExitSmoke),
	}}
}

func runnerPod(in jobInput, config string) (corev1.PodSpec, error) {
	run := in.run
	template := run.Spec.PodTemplate
	env, err := children.ContainerEnv(template.Env)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	resources, err := children.ContainerResources(children.PodResourcesField, template.Resources, in.given.Resources(ownResources(run)), in.ranges)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	volumes, mounts := runnerVolumes(run)
	spec := corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		SecurityContext:               children.RestrictedPodSecurity(),
		TerminationGracePeriodSeconds: ptr.To[int64](runnerGracePeriod),
		Volumes:                       volumes,
		Containers: []corev1.Container{{
			Name:                     contract.RunnerContainer,
			Image:                    children.ImageOr(run.Spec.Image, in.image),
			Args:                     []string{runnerCommand},
			Env:                      append([]corev1.EnvVar{{Name: contract.ConfigEnv, Value: config}}, env...),
			Ports:                    []corev1.ContainerPort{{Name: contract.HTTPPortName, ContainerPort: contract.HTTPPort, Protocol: corev1.ProtocolTCP}},
			Resources:                resources,
			SecurityContext:          children.RestrictedContainerSecurity(),
			TerminationMessagePath:   contract.TerminationLog,
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			VolumeMounts:             mounts,
		}},
	}
	return spec, children.ApplyPodTemplate(&spec, template)
}

// scratchRequest is the scratch space of a pod that fetches its dataset, where nothing says how much that will be.
var scratchRequest = resource.MustParse("1Gi")

// ownResources returns what a runner gets where the user says nothing.
func ownResources(run *v1alpha1.TrainingRun) corev1.ResourceRequirements {
	own, data := *runnerResources.DeepCopy(), run.Spec.Dataset
	if data.URI == "" && data.DVC == nil {
		return own
	}
	scratch := scratchRequest.DeepCopy()
	// What can't be parsed has been told of by trainConfig.
	if bytes, err := data.Cache.SizeLimit.Parse(); err == nil && bytes > 0 && data.Cache.PVC.ClaimName == "" {
		scratch = *resource.NewQuantity(bytes, resource.BinarySI)
	}
	own.Requests[corev1.ResourceEphemeralStorage] = scratch
	return own
}

// runnerVolumes returns the pod's volumes and where they are mounted. A dataset's
// whole volume is mounted, read-only: a missing folder is then the runner's to report,
// where a subPath would be created, or keep the pod from starting without a word.
func runnerVolumes(run *v1alpha1.TrainingRun) ([]corev1.Volume, []corev1.VolumeMount) {
	tmp, tmpMount := children.TmpVolume()
	volumes, mounts := []corev1.Volume{tmp}, []corev1.VolumeMount{tmpMount}
	// A claim that is wanted for more than one thing is one volume with as many mounts, because the kubelet doesn't mount
	// a claim twice into a pod.
	mount := func(volume, claim, path string, readOnly bool) {
		if claim == "" {
			return
		}
		i := slices.IndexFunc(volumes, func(v corev1.Volume) bool {
			return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim
		})
		if i < 0 {
			i = len(volumes)
			volumes = append(volumes, children.ClaimVolume(volume, claim, readOnly))
		}
		mounts = append(mounts, corev1.VolumeMount{Name: volumes[i].Name, MountPath: path, ReadOnly: readOnly})
	}
	output := run.Spec.Output
	if output.URI != "" {
		volumes = append(volumes, corev1.Volume{Name: outputVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		mounts = append(mounts, corev1.VolumeMount{Name: outputVolume, MountPath: contract.OutputMount})
	}
	mount(outputVolume, output.PVC.ClaimName, contract.OutputMount, false)
	mount(checkpointsVolume, output.Checkpoints.PVC.ClaimName, contract.CheckpointsMount, false)
	if data := run.Spec.Dataset.PVC; data != nil {
		mount(dataVolume, data.ClaimName, contract.DataMount, true)
	}
	mount(cacheVolume, run.Spec.Dataset.Cache.PVC.ClaimName, contract.CacheMount, false)
	addAccess := func(access children.Access, purpose string) {
		accessVolumes, accessMounts := access.Volumes(purpose)
		volumes, mounts = append(volumes, accessVolumes...), append(mounts, accessMounts...)
	}
	addAccess(datasetAccess(run), contract.PurposeDataset)
	addAccess(children.OutputAccess(run), contract.PurposeOutput)
	trackingVolumes, trackingMounts := trackingVolumes(run)
	volumes, mounts = append(volumes, trackingVolumes...), append(mounts, trackingMounts...)
	return volumes, mounts
}

// checkSpec finds what the schema can't.
func (r *reconciler) checkSpec(ctx context.Context, s *scope) error {
	ranges, err := children.ListLimitRanges(ctx, r.client, s.run.Namespace)
	if err != nil {
		return err
	}
	s.given, err = defaults.Read(ctx, r.client, s.run.Namespace, defaults.RunKey)
	switch {
	case err != nil && s.job != nil:
		s.desired = s.job // it is made of what was valid then
		return nil
	case err != nil:
		return err
	}
	job, err := desiredJob(jobInput{run: s.run, image: r.image, attempt: nextAttempt(&s.run.Status), ranges: ranges, given: s.given})
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
		return loop.Waiting(v1alpha1.WaitingForDeletionReason, 0, fmt.Errorf("the earlier Job %s is being deleted; another is created when it is gone", s.job.Name))
	case s.job != nil && s.activePod() == nil && podstate.IsRefusedByRange(s.problem) && !sameResources(s.job, s.desired):
		return r.deleteJob(ctx, s.job) // another is created with the resources that are allowed now
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
		return loop.Stalled(v1alpha1.InvalidSpecReason, s.given.Blame(fmt.Errorf("the API server refuses the run's Job: %w", err)))
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

// restoreJob puts back what was edited of the Job and its pods.
func (r *reconciler) restoreJob(ctx context.Context, s *scope) error {
	if s.job == nil {
		return nil
	}
	labels := ownLabels(s.run)
	identity := children.Identity{Labels: labels, Owner: &ownedBy(s.run)[0]}
	errs := []error{s.note(children.RestoreIdentity(ctx, r.client, s.job, children.JobKind, identity))}
	if !ptr.Deref(s.run.Spec.Suspend, false) {
		errs = append(errs, s.note(children.RestoreJobSpec(ctx, r.client, r.live, s.job, jobSpecOf(s.run))))
	}
	for _, pod := range s.pods {
		errs = append(errs,
			s.note(children.RestoreIdentity(ctx, r.client, pod, children.PodKind, children.Identity{Labels: labels})),
			s.note(children.RestoreImages(ctx, r.client, r.live, pod, &s.job.Spec.Template.Spec)))
	}
	return errors.Join(errs...)
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
