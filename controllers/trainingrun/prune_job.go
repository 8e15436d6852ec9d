// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"encoding/json"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	pruneComponent = "prune"
	pruneCommand   = "prune"
	// pruneRetries and pruneDeadline, in seconds, are what a volume or a bucket may take.
	pruneRetries  = 3
	pruneDeadline = 3600
)

// pruneResources are those of a pod that only deletes files.
var pruneResources = corev1.ResourceRequirements{Requests: children.ResourceList("50m", "64Mi")}

// pruneJobName names the Job that deletes what a run has left.
func pruneJobName(run *v1alpha1.TrainingRun) string { return jobName(run) + "-prune" }

// desiredPruneJob builds that Job: the runner's pod with the output alone, and always the operator's own image, as another may not
// know how to delete.
func desiredPruneJob(in jobInput) (*batchv1.Job, error) {
	document, err := json.Marshal(contract.PruneConfig{Version: contract.Version, Run: contractRun(in.run), Output: outputConfig(in.run)})
	if err != nil {
		return nil, fmt.Errorf("encode the configuration of runner prune: %w", err)
	}
	run := in.run.DeepCopy()
	run.Spec.Dataset, run.Spec.Tracking, run.Spec.Image, run.Spec.PodTemplate.Resources = v1alpha1.Dataset{}, v1alpha1.Tracking{}, "", v1alpha1.ResourceRequirements{}
	pod, err := runnerPod(jobInput{run: run, image: in.image, ranges: in.ranges}, string(document))
	if err != nil {
		return nil, err
	}
	container := &pod.Containers[0]
	container.Args = []string{pruneCommand}
	container.Ports = nil
	if container.Resources, err = children.ContainerResources(children.PodResourcesField, v1alpha1.ResourceRequirements{}, pruneResources, in.ranges); err != nil {
		return nil, err
	}
	labels := ownLabels(in.run)
	labels[v1alpha1.ComponentLabel] = pruneComponent
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name:            pruneJobName(in.run),
			Namespace:       in.run.Namespace,
			Labels:          labels,
			Annotations:     map[string]string{v1alpha1.AttemptAnnotation: "0"},
			OwnerReferences: ownedBy(in.run),
		},
		Spec: batchv1.JobSpec{
			BackoffLimit:          ptr.To[int32](pruneRetries),
			ActiveDeadlineSeconds: ptr.To[int64](pruneDeadline),
			PodFailurePolicy:      runnerFailurePolicy(),
			Template:              corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod},
		},
	}, nil
}
