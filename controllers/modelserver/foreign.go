// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
)

// Whoever writes an EndpointSlice that names a Service sends it traffic past its selector.
// The manager's cache holds the slices with its own labels only, so these have another one:
// all that Kubernetes doesn't keep itself, which are few, if any.

// newForeignSlices returns a cache of the EndpointSlices that Kubernetes doesn't keep.
func newForeignSlices(mgr ctrl.Manager, namespaces []string) (cache.Cache, error) {
	named, err := labels.NewRequirement(discoveryv1.LabelServiceName, selection.Exists, nil)
	if err != nil {
		return nil, fmt.Errorf("select EndpointSlices: %w", err)
	}
	foreign, err := labels.NewRequirement(discoveryv1.LabelManagedBy, selection.NotIn, []string{sliceController})
	if err != nil {
		return nil, fmt.Errorf("select EndpointSlices: %w", err)
	}
	c, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient:           mgr.GetHTTPClient(),
		Scheme:               mgr.GetScheme(),
		Mapper:               mgr.GetRESTMapper(),
		DefaultNamespaces:    children.CachedNamespaces(namespaces),
		DefaultLabelSelector: labels.NewSelector().Add(*named, *foreign),
		DefaultTransform:     cache.TransformStripManagedFields(),
	})
	if err != nil {
		return nil, fmt.Errorf("make the cache of EndpointSlices that Kubernetes doesn't keep: %w", err)
	}
	if err := children.IndexByLabel(c, &discoveryv1.EndpointSlice{}, serviceIndex, discoveryv1.LabelServiceName); err != nil {
		return nil, err
	}
	if err := mgr.Add(c); err != nil {
		return nil, fmt.Errorf("add the cache of EndpointSlices that Kubernetes doesn't keep: %w", err)
	}
	return c, nil
}

// serverOfService returns the server whose Service an EndpointSlice names, if it is a server's.
func serverOfService(_ context.Context, slice *discoveryv1.EndpointSlice) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}}}
}

// observeForeignSlices finds the EndpointSlices that send the Service's traffic past its selector.
func (r *reconciler) observeForeignSlices(ctx context.Context, s *scope) error {
	list := &discoveryv1.EndpointSliceList{}
	if err := r.foreign.List(ctx, list, client.InNamespace(s.server.Namespace), client.MatchingFields{serviceIndex: s.server.Name}); err != nil {
		return fmt.Errorf("list the EndpointSlices of Service %s that Kubernetes doesn't keep: %w", klog.KObj(s.server), err)
	}
	for i := range list.Items {
		if slice := &list.Items[i]; s.service != nil && !metav1.IsControlledBy(slice, s.service) {
			s.foreign = append(s.foreign, slice)
		}
	}
	slices.SortFunc(s.foreign, func(a, b *discoveryv1.EndpointSlice) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// reportForeign says which endpoints get traffic that are no pods of live. They aren't
// removed: whoever may write EndpointSlices may have a reason that is not known here.
func reportForeign(s *scope) error {
	var errs []error
	for _, slice := range s.foreign {
		if len(slice.Endpoints) > 0 {
			errs = append(errs, loop.Stalled(v1alpha1.NameConflictReason,
				fmt.Errorf("EndpointSlice %s was created outside Trainyard and sends traffic of Service %s to endpoints that nobody has tested: delete the EndpointSlice, or its label %s",
					slice.Name, s.server.Name, discoveryv1.LabelServiceName)))
		}
	}
	return errors.Join(errs...)
}
