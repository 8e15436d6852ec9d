// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

func TestObservedEndpoints(t *testing.T) {
	endpoint := func(pod string, ready *bool) discoveryv1.Endpoint {
		e := discoveryv1.Endpoint{Conditions: discoveryv1.EndpointConditions{Ready: ready}}
		if pod != "" {
			e.TargetRef = &corev1.ObjectReference{Name: pod}
		}
		return e
	}
	got := observedEndpoints([]discoveryv1.EndpointSlice{
		{Endpoints: []discoveryv1.Endpoint{endpoint("a", ptr.To(true)), endpoint("b", ptr.To(false))}},
		{Endpoints: []discoveryv1.Endpoint{endpoint("unknown", nil), endpoint("", nil)}},
	}, map[string]string{"a": "pets-1", "b": "pets-2"})
	want := []rollout.Endpoint{{Revision: "pets-1", Ready: true}, {Revision: "pets-2"}, {}, {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
}
