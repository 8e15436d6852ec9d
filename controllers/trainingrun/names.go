// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	kind = "TrainingRun"

	runnerComponent = "runner"

	dataVolume   = "data"
	outputVolume = "output"
	// checkpointsVolume is where checkpoints lie that don't lie in the output.
	checkpointsVolume = "checkpoints"
	// cacheVolume is where fetched files of the dataset lie.
	cacheVolume = "cache"
)

// jobName names the Job of a TrainingRun. Its artifact's folder is called the same.
func jobName(run *v1alpha1.TrainingRun) string {
	return contract.ArtifactName(contractRun(run))
}

// contractRun is a TrainingRun as the runner knows it.
func contractRun(run *v1alpha1.TrainingRun) contract.Run {
	return contract.Run{Name: run.Name, Namespace: run.Namespace, UID: string(run.UID)}
}

func ownedBy(run *v1alpha1.TrainingRun) []metav1.OwnerReference {
	return []metav1.OwnerReference{*metav1.NewControllerRef(run, v1alpha1.GroupVersion.WithKind(kind))}
}

func ownLabels(run *v1alpha1.TrainingRun) map[string]string {
	return map[string]string{
		children.ManagedByLabel:   children.ManagedByValue,
		v1alpha1.TrainingRunLabel: run.Name,
		v1alpha1.ComponentLabel:   runnerComponent,
	}
}

// runs is the kind TrainingRun as the owner of children, which are Jobs.
var runs = children.Kind{Name: kind, Made: func(child client.Object) bool {
	_, isJob := child.(*batchv1.Job)
	_, marked := child.GetAnnotations()[v1alpha1.AttemptAnnotation]
	return isJob && marked
}}

// runnerAsker is where a runner's pod has its resources from.
var runnerAsker = podstate.Asker{Container: contract.RunnerContainer, Field: children.PodResourcesField, Immutable: true}
