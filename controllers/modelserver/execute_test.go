// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

// A child that the API server refuses keeps no other from being brought in line.
func TestExecuteGoesOnAfterAnError(t *testing.T) {
	var deleted []string
	refused := errors.New("denied by a webhook")
	c := interceptor.NewClient(nil, interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return nil
		},
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return refused
		},
		Delete: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.DeleteOption) error {
			deleted = append(deleted, object.GetName())
			return refused
		},
	})
	r := &reconciler{client: c, live: c}
	s := &scope{
		server:      &v1alpha1.ModelServer{ObjectMeta: metav1.ObjectMeta{Name: "pets", Namespace: "zoo"}},
		deployments: map[string]*appsv1.Deployment{"pets-1": {}},
		jobs:        map[string]*batchv1.Job{"pets-2-s": {ObjectMeta: metav1.ObjectMeta{Name: "pets-2-s"}}},
		actions: rollout.Actions{
			Scale:           []rollout.Scale{{Revision: "pets-1", Replicas: 2}},
			DeleteJobs:      []string{"pets-2-s"},
			DeleteRevisions: []rollout.Retiring{{Name: "pets-0"}, {Name: "pets-00"}},
		},
	}
	if err := r.execute(t.Context(), s); !errors.Is(err, refused) {
		t.Errorf("error = %v, want %v", err, refused)
	}
	if diff := cmp.Diff([]string{"pets-2-s", "pets-0", "pets-00"}, deleted); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}
