// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Every object that the controllers make carries managedByLabel=managedByValue, and
// the manager's cache holds only such objects of the kinds that other people use too.
const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedByValue = "trainyard"
)

// kueueQueueLabel hands a Job to Kueue, which admits it by writing its suspend field.
const kueueQueueLabel = "kueue.x-k8s.io/queue-name"

// trainingJobName names the Job of a TrainingRun. Its artifact's folder is called the same.
func trainingJobName(run *v1alpha1.TrainingRun) string {
	return contract.ArtifactName(contractRun(run))
}

// contractRun is a TrainingRun as the runner knows it.
func contractRun(run *v1alpha1.TrainingRun) contract.Run {
	return contract.Run{Name: run.Name, Namespace: run.Namespace, UID: string(run.UID)}
}
