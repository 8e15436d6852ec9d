// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// recheckDeletion is how often a stranger's object that is being deleted is looked at
// again: its end is no event of ours.
const recheckDeletion = 10 * time.Second

// checkOwnership tells whether child, which has the name of an object that owner
// needs, is owner's own. If it isn't, the error says whether it will go away by
// itself (waiting) or is a stranger's (stalled). A child is never adopted. Kind is
// the kind of both the owner and whoever else may have made such a child.
func checkOwnership(child, owner client.Object, kind, childKind string) error {
	if metav1.IsControlledBy(child, owner) {
		return nil
	}
	if child.GetDeletionTimestamp() != nil {
		return waiting(v1alpha1.WaitingForDeletionReason, recheckDeletion,
			fmt.Errorf("%s %s of somebody else is being deleted", childKind, child.GetName()))
	}
	controller := metav1.GetControllerOf(child)
	if controller != nil && controller.Kind == kind && controller.Name == owner.GetName() {
		return waiting(v1alpha1.WaitingForDeletionReason, 0,
			fmt.Errorf("%s %s belongs to an earlier %s of this name and will be deleted", childKind, child.GetName(), kind))
	}
	return stalled(v1alpha1.NameConflictReason,
		fmt.Errorf("%s %s exists and is not this %s's: delete or rename it", childKind, child.GetName(), kind))
}
