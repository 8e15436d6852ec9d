// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

func (r *reconciler) observeEndpoints(ctx context.Context, s *scope, o *rollout.Observed) error {
	slices, err := r.listSlices(ctx, s, o)
	if err != nil {
		return err
	}
	revisions := map[string]string{}
	for revision, pods := range s.pods {
		for _, pod := range pods {
			revisions[pod.Name] = revision
		}
	}
	strangers := map[string]bool{}
	for i := range slices.Items {
		for _, endpoint := range slices.Items[i].Endpoints {
			if ref := endpoint.TargetRef; ref != nil && revisions[ref.Name] == "" && len(strangers) < maxStrangers {
				strangers[ref.Name] = true
			}
		}
	}
	for name := range strangers {
		revision, err := r.observeStranger(ctx, s, name)
		if err != nil {
			return err
		}
		revisions[name] = revision
	}
	o.Endpoints = observedEndpoints(slices.Items, revisions)
	return r.observeForeignSlices(ctx, s)
}

// listSlices lists the EndpointSlices of the Service; past the cache, which doesn't show
// those that lost their labels, if it shows fewer endpoints than live has pods for them.
func (r *reconciler) listSlices(ctx context.Context, s *scope, o *rollout.Observed) (*discoveryv1.EndpointSliceList, error) {
	slices := &discoveryv1.EndpointSliceList{}
	err := r.client.List(ctx, slices, client.InNamespace(s.server.Namespace), client.MatchingFields{serviceIndex: s.server.Name})
	if err == nil && s.service != nil && o.Service.Record != nil {
		if live := o.Revisions[o.Service.Record.Live]; live != nil && countEndpoints(slices.Items) < int(live.Available) {
			err = r.live.List(ctx, slices, client.InNamespace(s.server.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: s.server.Name})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list the EndpointSlices of Service %s: %w", klog.KObj(s.server), err)
	}
	for i := range slices.Items {
		if slice := &slices.Items[i]; s.service != nil && metav1.IsControlledBy(slice, s.service) {
			s.slices = append(s.slices, slice)
		}
	}
	return slices, nil
}

func countEndpoints(slices []discoveryv1.EndpointSlice) int {
	n := 0
	for i := range slices {
		n += len(slices[i].Endpoints)
	}
	return n
}

// sliceIdentity is what the Service's EndpointSlices are found by. Without the label of
// who manages it, a slice would go on sending traffic to pods that are gone.
func sliceIdentity(server *v1alpha1.ModelServer, slice *discoveryv1.EndpointSlice) children.Identity {
	labels := ownLabels(server)
	if slice.Labels[discoveryv1.LabelManagedBy] == "" {
		labels[discoveryv1.LabelManagedBy] = sliceController
	}
	return children.Identity{Labels: labels}
}

// sliceController is the part of Kubernetes that keeps the EndpointSlices of Services
// with a selector.
const sliceController = "endpointslice-controller.k8s.io"

// observedEndpoints are the endpoints of a Service's slices, with the revision of the
// pod that each is. A pod that isn't known may be any revision's.
func observedEndpoints(slices []discoveryv1.EndpointSlice, revisionOfPod map[string]string) []rollout.Endpoint {
	var endpoints []rollout.Endpoint
	for i := range slices {
		for _, endpoint := range slices[i].Endpoints {
			observed := rollout.Endpoint{Ready: ptr.Deref(endpoint.Conditions.Ready, false)}
			if ref := endpoint.TargetRef; ref != nil {
				observed.Revision = revisionOfPod[ref.Name]
			}
			endpoints = append(endpoints, observed)
		}
	}
	return endpoints
}

// maxStrangers bounds how many pods are read past the cache in a pass.
const maxStrangers = 10

// observeStranger finds out whose pod it is that is an endpoint of the Service, though the
// cache knows nothing of it. It returns the revision that it is of, or nothing.
func (r *reconciler) observeStranger(ctx context.Context, s *scope, name string) (string, error) {
	pod := &corev1.Pod{}
	if err := r.live.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: name}, pod); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	revision := pod.Labels[v1alpha1.RevisionLabel]
	switch {
	case isPodOf(pod, revision):
		s.pods[revision] = append(s.pods[revision], pod) // its labels are put back
		return revision, nil
	case s.deployments[revision] != nil && pod.DeletionTimestamp == nil:
		s.strays = append(s.strays, pod)
	}
	return "", nil
}
