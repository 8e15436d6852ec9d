// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Patch writes what differs between an object as it was read and as it should be. It fails
// with a conflict if the object has changed since it was read.
func Patch(ctx context.Context, c client.Client, from, to client.Object) error {
	changes := client.MergeFromWithOptions(from, client.MergeFromWithOptimisticLock{})
	return c.Patch(ctx, to, changes, client.FieldOwner(v1alpha1.FieldManager))
}

// Reread reads into stored, past the cache, what the cache shows without its managed
// fields, and tells whether it still is that object.
func Reread(ctx context.Context, live client.Reader, shown, stored client.Object) (bool, error) {
	if err := live.Get(ctx, client.ObjectKeyFromObject(shown), stored); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return stored.GetUID() == shown.GetUID(), nil
}
