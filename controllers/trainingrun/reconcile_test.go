// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/explain"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// A run whose Job a quota refuses is tried again within loop.MaxRetry, however often it failed.
func TestReconcileRetriesARefusedJob(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	run := makeRun().Obj()
	quota := apierrors.NewForbidden(batchv1.Resource("jobs"), "pets", errors.New("exceeded quota: jobs"))
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(run).WithStatusSubresource(run).
		WithIndex(&corev1.Pod{}, runIndex, func(client.Object) []string { return nil }).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return quota },
		}).Build()
	fakeClock := clocktesting.NewFakePassiveClock(testNow)
	r := &reconciler{
		client: c, live: c, recorder: events.NewFakeRecorder(100), retries: loop.NewLimiter(), clock: fakeClock, image: "runner",
		explainer: explain.NewExplainer(explain.NewEvents(c, fakeClock), fakeClock), progress: newPoller(nil, fakeClock),
	}
	request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(run)}
	var wait time.Duration
	for range 20 {
		result, err := r.Reconcile(t.Context(), request)
		if !apierrors.IsForbidden(err) || result.RequeueAfter != 0 {
			t.Fatalf("Reconcile = %+v, %v; want the refusal, to be logged and counted", result, err)
		}
		wait = r.retries.When(request)
	}
	if wait != loop.MaxRetry {
		t.Errorf("the 20th retry comes after %s, want %s", wait, loop.MaxRetry)
	}
}

// The remedy of a refused runner is another run: the field that it has its resources from
// can't be changed.
func TestRemedyOfARefusedRunner(t *testing.T) {
	problem := podstate.Refused("the pod of Job j", runnerAsker, "failed quota: q: must specify limits.memory for: runner")
	if want := "create another TrainingRun that sets spec.podTemplate.resources.limits.memory"; !strings.Contains(problem.Message, want) {
		t.Errorf("message %q, want one with %q", problem.Message, want)
	}
}
