// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func trainingRunOf(object client.Object) []string {
	server, ok := object.(*v1alpha1.ModelServer)
	if !ok {
		return nil
	}
	var runs []string
	if name := server.Spec.Model.TrainingRunRef.Name; name != "" {
		runs = append(runs, name)
	}
	for _, revision := range []*v1alpha1.LiveRevision{server.Status.Live, server.Status.Fallback} {
		if revision != nil && revision.Model.TrainingRun != "" && !slices.Contains(runs, revision.Model.TrainingRun) {
			runs = append(runs, revision.Model.TrainingRun)
		}
	}
	return runs
}

// serverOfLabel returns the server whose label a pod or EndpointSlice carries; slices
// have the labels of their Service.
func serverOfLabel(_ context.Context, object client.Object) []reconcile.Request {
	name := object.GetLabels()[v1alpha1.ModelServerLabel]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: name}}}
}

// serversOfRun returns the servers that name a TrainingRun.
func (r *reconciler) serversOfRun(ctx context.Context, run client.Object) []reconcile.Request {
	servers := &v1alpha1.ModelServerList{}
	if err := r.client.List(ctx, servers, client.InNamespace(run.GetNamespace()), client.MatchingFields{trainingRunIndex: run.GetName()}); err != nil {
		return nil // the cache has this index; it has no other way to fail
	}
	var requests []reconcile.Request
	for i := range servers.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&servers.Items[i])})
	}
	return requests
}

// resolvableChanged lets changes of a TrainingRun through that may resolve it to
// something else: not its progress.
func resolvableChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.TrainingRun)
		after, ok2 := e.ObjectNew.(*v1alpha1.TrainingRun)
		if !ok || !ok2 {
			return false
		}
		oldInfo, oldUnresolved := resolveRun(before.Name, before)
		newInfo, newUnresolved := resolveRun(after.Name, after)
		return !equality.Semantic.DeepEqual(oldInfo, newInfo) || !equality.Semantic.DeepEqual(oldUnresolved, newUnresolved)
	}}
}
