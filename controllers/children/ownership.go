// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
)

// recheckDeletion is how often a stranger's object that is being deleted is looked at
// again: its end is no event of ours.
const recheckDeletion = 10 * time.Second

// Kind is a kind whose objects have children.
type Kind struct {
	// Name is the kind's own, such as TrainingRun.
	Name string
	// Made tells whether a child bears what only the kind's controller writes.
	Made func(child client.Object) bool
}

// CheckOwnership tells whether child, which has the name of an object that owner
// needs, is owner's own. If it isn't, the error says whether it will go away by
// itself (waiting) or is a stranger's (stalled). A stranger's is never adopted.
func (k Kind) CheckOwnership(child, owner client.Object, childKind string) error {
	if k.IsChildOf(child, owner) {
		return nil
	}
	if child.GetDeletionTimestamp() != nil {
		return loop.Waiting(v1alpha1.WaitingForDeletionReason, recheckDeletion,
			fmt.Errorf("%s %s of another owner is being deleted; waiting until it is gone", childKind, child.GetName()))
	}
	controller := metav1.GetControllerOf(child)
	if controller != nil && controller.Kind == k.Name && controller.Name == owner.GetName() {
		return loop.Waiting(v1alpha1.WaitingForDeletionReason, 0,
			fmt.Errorf("%s %s belongs to an earlier %s of this name and will be deleted", childKind, child.GetName(), k.Name))
	}
	return loop.Stalled(v1alpha1.NameConflictReason,
		fmt.Errorf("%s %s exists and is not this %s's: delete or rename it", childKind, child.GetName(), k.Name))
}

// IsChildOf tells whether an object that has the name of a child of owner, and of nobody
// else's, is that child.
func (k Kind) IsChildOf(object, owner client.Object) bool {
	return metav1.IsControlledBy(object, owner) || k.IsOrphan(object)
}

// IsOrphan tells whether a child, which has the name of an object that the controller
// makes for one owner, is such an object from which the reference to its owner was taken.
func (k Kind) IsOrphan(child client.Object) bool {
	return metav1.GetControllerOf(child) == nil && child.GetDeletionTimestamp() == nil && k.Made(child)
}
