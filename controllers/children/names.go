// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

// Every object that the controllers make carries ManagedByLabel=ManagedByValue, and
// the manager's cache holds only such objects of the kinds that other people use too.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedByValue = "trainyard"
)

// Kinds of children that both kinds have.
const (
	JobKind = "Job"
	PodKind = "Pod"
)

// KueueQueueLabel hands a Job to Kueue, which admits it by writing its suspend field.
const KueueQueueLabel = "kueue.x-k8s.io/queue-name"
