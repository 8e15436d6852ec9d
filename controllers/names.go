// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

// Every object that the controllers make carries managedByLabel=managedByValue, and
// the manager's cache holds only such objects of the kinds that other people use too.
const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedByValue = "trainyard"
)

// Kinds of children that both kinds have.
const (
	jobKind = "Job"
	podKind = "Pod"
)

// kueueQueueLabel hands a Job to Kueue, which admits it by writing its suspend field.
const kueueQueueLabel = "kueue.x-k8s.io/queue-name"
