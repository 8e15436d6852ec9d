// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

func steered(annotations map[string]string) *v1alpha1.ModelServer {
	server := makeServer().Manual().Obj()
	server.Annotations = annotations
	return server
}

func TestSteering(t *testing.T) {
	server := steered(map[string]string{v1alpha1.PromoteAnnotation: "pets-1", v1alpha1.RejectAnnotation: strings.Repeat("x\n", 5000)})
	got := steering(server)
	if len(got.Reject) > maxRevisionName || strings.Contains(got.Reject, "\n") {
		t.Errorf("reject = %q, want one line of at most %d bytes", got.Reject, maxRevisionName)
	}
	got.Reject = ""
	if diff := cmp.Diff(rollout.Steering{Manual: true, Promote: "pets-1"}, got); diff != "" {
		t.Errorf("steering (-want +got):\n%s", diff)
	}
}

func TestSteeringChanged(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after map[string]string
		want          bool
	}{
		"nothing":            {},
		"another annotation": {after: map[string]string{"a": "b"}},
		"promote":            {after: map[string]string{v1alpha1.PromoteAnnotation: "pets-1"}, want: true},
		"reject taken away":  {before: map[string]string{v1alpha1.RejectAnnotation: "pets-1"}, want: true},
	} {
		if got := steeringChanged().Update(event.UpdateEvent{ObjectOld: steered(tc.before), ObjectNew: steered(tc.after)}); got != tc.want {
			t.Errorf("%s: changed = %t, want %t", name, got, tc.want)
		}
	}
}

// An annotation that the cache doesn't show yet, or still shows, moves no traffic.
func TestWritesRelyOnTheSteeringPastTheCache(t *testing.T) {
	newest := steered(map[string]string{v1alpha1.RejectAnnotation: "pets-2"})
	c := interceptor.NewClient(nil, interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
			newest.DeepCopyInto(object.(*v1alpha1.ModelServer))
			return nil
		},
	})
	r := &reconciler{client: c, live: c}
	s := &scope{server: steered(nil), actions: rollout.Actions{Record: &rollout.Record{}}}
	if _, err := r.verifyPlan(t.Context(), s); !loop.IsOutdated(err) {
		t.Errorf("error = %v, want a conflict", err)
	}
	s.server = newest
	if _, err := r.verifyPlan(t.Context(), s); err != nil {
		t.Errorf("error = %v, want none", err)
	}
}

func TestNameAuthor(t *testing.T) {
	server := steered(nil)
	server.ManagedFields = []metav1.ManagedFieldsEntry{
		{Manager: "argocd-controller", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:model":{}}}`)},
		{Manager: "kubectl-annotate", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:trainyard.dev/reject":{}}}}`)},
	}
	before := &rollout.Record{Switch: 1, Live: "pets-1"}
	for by, want := range map[string]string{
		"spec":                  "spec, written by argocd-controller",
		"trainyard.dev/reject":  "trainyard.dev/reject, written by kubectl-annotate",
		"trainyard.dev/promote": "trainyard.dev/promote", // removed since
		"Trainyard":             "Trainyard",
	} {
		after := &rollout.Record{Switch: 2, Live: "pets-2", History: []v1alpha1.RetiredRevision{{Revision: "pets-1", MovedBy: by}}}
		nameAuthor(server, before, after)
		if got := after.History[0].MovedBy; got != want {
			t.Errorf("moved by %q, want %q", got, want)
		}
		again := &rollout.Record{Switch: 2, Live: "pets-2", Baked: true, History: []v1alpha1.RetiredRevision{{Revision: "pets-1", MovedBy: by}}}
		nameAuthor(server, after, again)
		if got := again.History[0].MovedBy; got != by {
			t.Errorf("a write that moves nothing changes the history: moved by %q, want %q", got, by)
		}
	}
}
