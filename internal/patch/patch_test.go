// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package patch

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// setUp returns a client with one TrainingRun, that run, a recorder and a count of status writes.
func setUp(t *testing.T) (client.Client, *v1alpha1.TrainingRun, *events.FakeRecorder, *int) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	writes := 0
	c := fake.NewClientBuilder().WithScheme(scheme).
		WithObjects(&v1alpha1.TrainingRun{ObjectMeta: metav1.ObjectMeta{Name: "pets", Namespace: "zoo"}}).
		WithStatusSubresource(&v1alpha1.TrainingRun{}).
		WithInterceptorFuncs(interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
				writes++
				return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
			},
		}).Build()
	run := &v1alpha1.TrainingRun{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "zoo", Name: "pets"}, run); err != nil {
		t.Fatal(err)
	}
	return c, run, events.NewFakeRecorder(10), &writes
}

func emitted(recorder *events.FakeRecorder) []string {
	var all []string
	for {
		select {
		case e := <-recorder.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

func TestPatchStatus(t *testing.T) {
	cases := map[string]struct {
		change     func(*v1alpha1.TrainingRun, *Helper)
		wantWrites int
		wantEvents []string
	}{
		"unchanged: no write": {
			change: func(*v1alpha1.TrainingRun, *Helper) {},
		},
		"changed: one write, then the events in order": {
			change: func(run *v1alpha1.TrainingRun, h *Helper) {
				run.Status.JobName = "pets-1"
				h.Normal("Training", "Train", "has started")
				h.Warning("OOMKilled", "Train", "used 100% of\nits memory")
			},
			wantWrites: 1,
			wantEvents: []string{"Normal Training has started", "Warning OOMKilled used 100% of its memory"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, run, recorder, writes := setUp(t)
			h := NewHelper(c, recorder, "test", run)
			tc.change(run, h)
			want := run.Status.JobName
			if err := h.PatchStatus(t.Context(), run); err != nil {
				t.Fatal(err)
			}
			stored := &v1alpha1.TrainingRun{}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(run), stored); err != nil {
				t.Fatal(err)
			}
			if stored.Status.JobName != want {
				t.Errorf("stored jobName = %q, want %q", stored.Status.JobName, want)
			}
			if *writes != tc.wantWrites {
				t.Errorf("status writes = %d, want %d", *writes, tc.wantWrites)
			}
			if diff := cmp.Diff(tc.wantEvents, emitted(recorder)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPatchStatusOnAStaleObject(t *testing.T) {
	c, run, recorder, _ := setUp(t)
	other := run.DeepCopy()
	other.Labels = map[string]string{"written": "since"}
	if err := c.Update(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	h := NewHelper(c, recorder, "test", run)
	run.Status.JobName = "pets-1"
	h.Normal("Training", "Train", "has started")
	h.WarningNow("Repaired", "Serve", "is there again")
	if err := h.PatchStatus(t.Context(), run); !apierrors.IsConflict(err) {
		t.Errorf("error = %v, want a conflict", err)
	}
	want := []string{"Warning Repaired is there again"}
	if diff := cmp.Diff(want, emitted(recorder)); diff != "" {
		t.Errorf("events without a write (-want +got):\n%s", diff)
	}
}

func TestEventsAreCut(t *testing.T) {
	c, run, recorder, _ := setUp(t)
	h := NewHelper(c, recorder, "test", run)
	h.Warning("RunnerFailed", "Train", strings.Repeat("x", 5000))
	if err := h.PatchStatus(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	got := emitted(recorder)
	if len(got) != 1 || len(got[0]) > len("Warning RunnerFailed ")+maxNote {
		t.Errorf("got %d events, the first of %d bytes", len(got), len(got[0]))
	}
}

func TestBeforeIsACopy(t *testing.T) {
	c, run, recorder, _ := setUp(t)
	h := NewHelper(c, recorder, "test", run)
	run.Status.JobName = "changed"
	if got := h.Before().(*v1alpha1.TrainingRun).Status.JobName; got != "" {
		t.Errorf("Before().Status.JobName = %q, want it as it was read", got)
	}
}
