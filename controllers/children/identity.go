// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Identity is what a child is found by: its labels and, unless it is a pod, the
// reference to its owner.
type Identity struct {
	Labels map[string]string
	Owner  *metav1.OwnerReference
}

// Restored returns a copy of a child with the identity that it was created with, or nil
// if it has it.
func (id Identity) Restored(child client.Object) client.Object {
	labels := maps.Clone(child.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, id.Labels)
	orphan := id.Owner != nil && metav1.GetControllerOf(child) == nil
	if !orphan && maps.Equal(labels, child.GetLabels()) {
		return nil
	}
	restored := child.DeepCopyObject().(client.Object)
	restored.SetLabels(labels)
	if orphan {
		others := slices.DeleteFunc(slices.Clone(child.GetOwnerReferences()), func(ref metav1.OwnerReference) bool { return ref.UID == id.Owner.UID })
		restored.SetOwnerReferences(append(others, *id.Owner))
	}
	return restored
}

// RestoreIdentity puts back what was changed of a child's identity outside Trainyard,
// for the cache and the garbage collector find it by that. It returns what to report of
// that, nothing if it didn't have to.
func RestoreIdentity(ctx context.Context, c client.Client, child client.Object, kind string, id Identity) (repair string, err error) {
	restored := id.Restored(child)
	if restored == nil || child.GetDeletionTimestamp() != nil {
		return "", nil
	}
	err = Patch(ctx, c, child, restored)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("restore the labels and the owner of %s %s: %w", kind, klog.KObj(child), err)
	}
	return RestoredMessage(kind, child), nil
}

// RestoredMessage reports a child whose identity was put back.
func RestoredMessage(kind string, child client.Object) string {
	return fmt.Sprintf("labels or owner of %s %s were changed outside Trainyard; restored them", kind, child.GetName())
}
