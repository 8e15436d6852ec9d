// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
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
			fmt.Errorf("%s %s of somebody else is being deleted", childKind, child.GetName()))
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

// Identity is what a child is found by: its labels and, unless it is a pod, the
// reference to its owner.
type Identity struct {
	Labels map[string]string
	Owner  *metav1.OwnerReference
}

// Restored returns a copy of a child with the identity that it was created with, or nil
// if it has it.
func (id Identity) Restored(child client.Object) client.Object {
	restored := child.DeepCopyObject().(client.Object)
	labels := maps.Clone(child.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, id.Labels)
	restored.SetLabels(labels)
	orphan := id.Owner != nil && metav1.GetControllerOf(child) == nil
	if orphan {
		others := slices.DeleteFunc(slices.Clone(child.GetOwnerReferences()), func(ref metav1.OwnerReference) bool { return ref.UID == id.Owner.UID })
		restored.SetOwnerReferences(append(others, *id.Owner))
	}
	if !orphan && maps.Equal(labels, child.GetLabels()) {
		return nil
	}
	return restored
}

// RestoreIdentity puts back what was changed of a child's identity outside Trainyard,
// for the cache and the garbage collector find it by that, and tells whether it had to.
func RestoreIdentity(ctx context.Context, c client.Client, child client.Object, kind string, id Identity) (bool, error) {
	restored := id.Restored(child)
	if restored == nil || child.GetDeletionTimestamp() != nil {
		return false, nil
	}
	changes := client.MergeFromWithOptions(child, client.MergeFromWithOptimisticLock{})
	err := c.Patch(ctx, restored, changes, client.FieldOwner(v1alpha1.FieldManager))
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("restore the labels and the owner of %s %s: %w", kind, klog.KObj(child), err)
	}
	return true, nil
}

// RestoredMessage reports a child whose identity was put back.
func RestoredMessage(kind string, child client.Object) string {
	return fmt.Sprintf("labels or owner of %s %s were changed outside Trainyard; restored them", kind, child.GetName())
}
