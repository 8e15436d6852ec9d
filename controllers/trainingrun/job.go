// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"encoding/json"
	"fmt"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
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
}

// desiredJob builds the Job of a TrainingRun.
func desiredJob(in jobInput) (*batchv1.Job, error) {
	config, err := trainConfig(in.run)
	if err != nil {
		return nil, err
	}
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
				ObjectMeta: metav1.ObjectMeta{Labels: ownLabels(run)},
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
	env, err := children.ContainerEnv(corev1.EnvVar{Name: contract.ConfigEnv, Value: config}, template.Env)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	resources, err := children.ContainerResources(children.PodResourcesField, template.Resources, runnerResources, in.ranges)
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
			Env:                      env,
			Ports:                    []corev1.ContainerPort{{Name: contract.HTTPPortName, ContainerPort: contract.HTTPPort, Protocol: corev1.ProtocolTCP}},
			Resources:                resources,
			SecurityContext:          children.RestrictedContainerSecurity(),
			TerminationMessagePath:   contract.TerminationLog,
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			VolumeMounts:             mounts,
		}},
	}
	children.ApplyPodTemplate(&spec, template)
	return spec, nil
}

// runnerVolumes returns the pod's volumes and where they are mounted. A dataset's
// whole volume is mounted, read-only: a missing folder is then the runner's to report,
// where a subPath would be created, or keep the pod from starting without a word. A
// claim that holds both dataset and models is one volume with two mounts, because the
// kubelet doesn't mount a claim twice into a pod.
func runnerVolumes(run *v1alpha1.TrainingRun) ([]corev1.Volume, []corev1.VolumeMount) {
	tmp, tmpMount := children.TmpVolume()
	outputClaim := run.Spec.Output.PVC.ClaimName
	volumes := []corev1.Volume{tmp, children.ClaimVolume(outputVolume, outputClaim, false)}
	mounts := []corev1.VolumeMount{tmpMount, {Name: outputVolume, MountPath: contract.OutputMount}}
	data := run.Spec.Dataset.PVC
	switch {
	case data == nil:
	case data.ClaimName == outputClaim:
		mounts = append(mounts, corev1.VolumeMount{Name: outputVolume, MountPath: contract.DataMount, ReadOnly: true})
	default:
		volumes = append(volumes, children.ClaimVolume(dataVolume, data.ClaimName, true))
		mounts = append(mounts, corev1.VolumeMount{Name: dataVolume, MountPath: contract.DataMount, ReadOnly: true})
	}
	return volumes, mounts
}
