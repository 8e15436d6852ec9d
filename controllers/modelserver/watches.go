// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
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
	if selects(&server.Spec) {
		runs = append(runs, anyRun)
	}
	for _, revision := range []*v1alpha1.LiveRevision{server.Status.Live, server.Status.Fallback} {
		if revision != nil && revision.Model.TrainingRun != "" && !slices.Contains(runs, revision.Model.TrainingRun) {
			runs = append(runs, revision.Model.TrainingRun)
		}
	}
	return runs
}

// modelOf is the digest of what a run has published.
func modelOf(object client.Object) []string {
	if run, ok := object.(*v1alpha1.TrainingRun); ok && run.Status.Model != nil {
		return []string{run.Status.Model.SHA256}
	}
	return nil
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

// anyRun is where the index has the servers that select runs by their labels. No run has such a name.
const anyRun = "*"

// serversOfRun returns the servers that name a TrainingRun, or whose selector matches its labels. Of an update both the
// labels before and those after count.
func (r *reconciler) serversOfRun(ctx context.Context, run client.Object) []reconcile.Request {
	requests := r.requestsOf(ctx, nil, client.InNamespace(run.GetNamespace()), client.MatchingFields{trainingRunIndex: run.GetName()})
	selecting := func(server *v1alpha1.ModelServer) bool {
		return parseSelector(&children.Parser{}, server.Spec.Model.TrainingRunSelector).Matches(labels.Set(run.GetLabels()))
	}
	return append(requests, r.requestsOf(ctx, selecting, client.InNamespace(run.GetNamespace()), client.MatchingFields{trainingRunIndex: anyRun})...)
}

// serversOfNamespace returns the servers of a namespace that has an object which may concern each of them.
func (r *reconciler) serversOfNamespace(ctx context.Context, object client.Object) []reconcile.Request {
	return r.requestsOf(ctx, nil, client.InNamespace(object.GetNamespace()))
}

// requestsOf returns the servers of a list that matches lets through; nil is all.
func (r *reconciler) requestsOf(ctx context.Context, matches func(*v1alpha1.ModelServer) bool, which ...client.ListOption) []reconcile.Request {
	servers := &v1alpha1.ModelServerList{}
	if err := r.client.List(ctx, servers, which...); err != nil {
		return nil // the cache has what is asked for; it has no other way to fail
	}
	var requests []reconcile.Request
	for i := range servers.Items {
		if server := &servers.Items[i]; matches == nil || matches(server) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(server)})
		}
	}
	return requests
}

// serversOfBudget returns the server that a budget belongs to. A budget that a user has
// made may select the pods of any server of its namespace, so all are returned.
func (r *reconciler) serversOfBudget(ctx context.Context, budget client.Object) []reconcile.Request {
	if owner := metav1.GetControllerOf(budget); owner != nil && owner.Kind == kind {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: budget.GetNamespace(), Name: owner.Name}}}
	}
	return r.serversOfNamespace(ctx, budget)
}

// budgetChanged lets changes of a budget through, not of what it counts.
func budgetChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
			!maps.Equal(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels()) ||
			!equality.Semantic.DeepEqual(e.ObjectOld.GetOwnerReferences(), e.ObjectNew.GetOwnerReferences())
	}}
}

// resolvableChanged lets changes of a TrainingRun through that may resolve it to
// something else, or have a selector match it or not: not its progress.
func resolvableChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.TrainingRun)
		after, ok2 := e.ObjectNew.(*v1alpha1.TrainingRun)
		if !ok || !ok2 {
			return false
		}
		oldInfo, oldUnresolved := resolveRun(before.Name, before)
		newInfo, newUnresolved := resolveRun(after.Name, after)
		return !maps.Equal(before.Labels, after.Labels) || !equality.Semantic.DeepEqual(oldInfo, newInfo) || !equality.Semantic.DeepEqual(oldUnresolved, newUnresolved)
	}}
}
