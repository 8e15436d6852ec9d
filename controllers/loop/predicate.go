// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// SpecOrStatusChanged lets changes of an object's spec and status through. The
// controllers' own writes of a status are among them: the next pass then finds nothing
// to write. A status that was edited outside Trainyard is corrected at once.
func SpecOrStatusChanged[T client.Object](status func(T) any) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(T)
		after, ok2 := e.ObjectNew.(T)
		return ok && ok2 && (before.GetGeneration() != after.GetGeneration() ||
			!equality.Semantic.DeepEqual(status(before), status(after)))
	}}
}
