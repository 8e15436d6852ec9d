// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// answering answers each write with err, without a server: test/integration counts those to a real one.
type answering struct {
	client.Client
	err error
}

func (a answering) GroupVersionKindFor(object runtime.Object) (schema.GroupVersionKind, error) {
	return apiutil.GVKForObject(object, clientgoscheme.Scheme)
}

func (a answering) Create(context.Context, client.Object, ...client.CreateOption) error { return a.err }

func (a answering) Patch(context.Context, client.Object, client.Patch, ...client.PatchOption) error {
	return a.err
}

func (a answering) Delete(context.Context, client.Object, ...client.DeleteOption) error { return a.err }

func (a answering) Status() client.SubResourceWriter { return answeringStatus{err: a.err} }

type answeringStatus struct {
	client.SubResourceWriter
	err error
}

func (a answeringStatus) Patch(context.Context, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
	return a.err
}

// writeInEveryWay writes a pod in every way, each write being answered with err.
func writeInEveryWay(t *testing.T, err error) {
	t.Helper()
	ctx, pod, nothing := t.Context(), &corev1.Pod{}, client.RawPatch("", nil)
	c := CountWrites(answering{err: err})
	for _, got := range []error{
		c.Create(ctx, pod), c.Create(ctx, pod, client.DryRunAll),
		c.Patch(ctx, pod, nothing), c.Patch(ctx, pod, nothing, client.DryRunAll),
		c.Delete(ctx, pod), c.Status().Patch(ctx, pod, nothing),
	} {
		if !errors.Is(got, err) {
			t.Errorf("the client answers %v, want %v", got, err)
		}
	}
}

func TestWritesAreCounted(t *testing.T) {
	apiWrites.Reset()
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "pods"}, "p", errors.New("it has changed"))
	for _, err := range []error{nil, conflict, errors.New("no answer")} {
		writeInEveryWay(t, err)
	}
	got := map[string]float64{}
	for _, sample := range registered(t).Find("trainyard_api_writes_total") {
		l := sample.Labels
		got[l["kind"]+" "+l["subresource"]+" "+l["verb"]+" "+l["result"]] = sample.Value
	}
	want := map[string]float64{}
	for _, written := range []string{"Pod  create", "Pod  patch", "Pod  delete", "Pod status patch"} {
		for _, result := range []string{"Written", "Conflict", "Error"} {
			want[written+" "+result] = 1
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}
