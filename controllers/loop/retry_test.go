// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

var petsRequest = reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "zoo", Name: "pets"}}

func TestRetryLimiterResultOf(t *testing.T) {
	broken := errors.New("broken")
	conflict := fmt.Errorf("x: %w", apierrors.NewConflict(batchv1.Resource("jobs"), "x", broken))
	gone := fmt.Errorf("x: %w", apierrors.NewNotFound(batchv1.Resource("jobs"), "x"))
	const planned = 7 * time.Second
	cases := map[string]struct {
		err       error
		want      time.Duration
		wantError bool // broken is returned, and want is when the queue hands the object out again
	}{
		"no error":                            {want: planned},
		"waiting":                             {err: fmt.Errorf("x: %w", Waiting("A", time.Second, broken)), want: time.Second},
		"waiting for an event":                {err: Waiting("A", 0, broken), want: planned},
		"stalled":                             {err: fmt.Errorf("x: %w", Stalled("A", broken)), want: planned},
		"conflict":                            {err: conflict, want: retryOutdated},
		"deleted since it was read":           {err: gone, want: retryOutdated},
		"stalled beside a conflict":           {err: errors.Join(Stalled("A", errors.New("a")), conflict), want: retryOutdated},
		"other":                               {err: broken, want: firstRetry, wantError: true},
		"waiting for an event beside another": {err: errors.Join(Waiting("A", 0, errors.New("a")), broken), want: firstRetry, wantError: true},
		"waiting for a moment beside another": {err: errors.Join(Waiting("A", time.Millisecond, errors.New("a")), broken), want: time.Millisecond, wantError: true},
		"other among others":                  {err: errors.Join(conflict, errors.Join(Stalled("A", errors.New("a")), broken)), want: firstRetry, wantError: true},
		"other beside one that is gone":       {err: errors.Join(gone, broken), want: firstRetry, wantError: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			limiter := NewLimiter()
			result, err := limiter.ResultOf(petsRequest, planned, tc.err)
			got := result.RequeueAfter
			if err != nil {
				if got != 0 {
					t.Errorf("RequeueAfter = %s beside an error: controller-runtime warns of that", got)
				}
				got = limiter.When(petsRequest)
			}
			if got != tc.want || (err != nil) != tc.wantError || err != nil && !errors.Is(err, broken) {
				t.Errorf("again in %s, error %v; want %s, an error: %t", got, err, tc.want, tc.wantError)
			}
		})
	}
}

// An error that stays is retried at least every MaxRetry, and at the planned time if that is earlier.
func TestRetryLimiterCapsTheBackOff(t *testing.T) {
	retries := func(planned time.Duration, err error, count int) []time.Duration {
		limiter := NewLimiter()
		var all []time.Duration
		for range count {
			result, err := limiter.ResultOf(petsRequest, planned, err)
			if err != nil {
				result.RequeueAfter = limiter.When(petsRequest)
			}
			all = append(all, result.RequeueAfter.Round(time.Second))
		}
		return all
	}
	seconds := func(all ...time.Duration) []time.Duration {
		for i := range all {
			all[i] *= time.Second
		}
		return all
	}
	quota := apierrors.NewForbidden(batchv1.Resource("jobs"), "pets", errors.New("exceeded quota: jobs"))
	conflict := apierrors.NewConflict(batchv1.Resource("jobs"), "pets", errors.New("changed"))
	cases := map[string]struct{ got, want []time.Duration }{
		"nothing planned": {retries(0, quota, 12), seconds(0, 0, 0, 1, 2, 3, 6, 13, 26, 30, 30, 30)},
		"planned earlier": {retries(5*time.Second, quota, 9), seconds(0, 0, 0, 1, 2, 3, 5, 5, 5)},
		"conflicts":       {retries(0, conflict, 11), seconds(0, 0, 1, 2, 3, 6, 13, 26, 30, 30, 30)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.got); diff != "" {
				t.Errorf("retries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetryLimiterStartsAnewAfterSuccess(t *testing.T) {
	limiter := NewLimiter()
	broken, conflict := errors.New("broken"), apierrors.NewConflict(batchv1.Resource("jobs"), "x", errors.New("changed"))
	for range 5 {
		_, _ = limiter.ResultOf(petsRequest, 0, errors.Join(broken, conflict))
		_ = limiter.When(petsRequest)
	}
	if got := limiter.NumRequeues(petsRequest); got != 5 {
		t.Errorf("errors in a row = %d, want 5", got)
	}
	if _, err := limiter.ResultOf(petsRequest, 0, nil); err != nil {
		t.Fatal(err)
	}
	limiter.Forget(petsRequest) // as the queue does
	if got, _ := limiter.ResultOf(petsRequest, 0, conflict); got.RequeueAfter != retryOutdated {
		t.Errorf("a conflict is retried in %s, want %s", got.RequeueAfter, retryOutdated)
	}
	if got := limiter.When(petsRequest); got != firstRetry {
		t.Errorf("an error is retried in %s, want %s", got, firstRetry)
	}
}

// namespaceEnding is how the API server refuses an object in a namespace that is being deleted.
func namespaceEnding() error {
	err := apierrors.NewForbidden(batchv1.Resource("jobs"), "pets", errors.New("unable to create new content in namespace zoo because it is being terminated"))
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	return fmt.Errorf("create Job zoo/pets: %w", err)
}

func TestQuietNamespaceEnd(t *testing.T) {
	broken := errors.New("broken")
	namespaceGone := apierrors.NewNotFound(corev1.Resource("namespaces"), "zoo")
	cases := map[string]struct {
		err  error
		want bool // it waits, quietly
	}{
		"no error":        {},
		"being deleted":   {err: namespaceEnding(), want: true},
		"gone":            {err: fmt.Errorf("create: %w", namespaceGone), want: true},
		"beside another":  {err: errors.Join(broken, errors.Join(namespaceEnding())), want: true},
		"a quota":         {err: apierrors.NewForbidden(batchv1.Resource("jobs"), "pets", errors.New("exceeded quota"))},
		"an object gone":  {err: apierrors.NewNotFound(batchv1.Resource("jobs"), "zoo")},
		"no API's error":  {err: broken},
		"stalled by user": {err: Stalled("A", broken)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := QuietNamespaceEnd("zoo", tc.err)
			var wait *WaitingError
			if errors.As(got, &wait) != tc.want {
				t.Errorf("quietNamespaceEnd = %#v, want it to wait: %t", got, tc.want)
			}
			if !tc.want && !errors.Is(got, tc.err) {
				t.Errorf("quietNamespaceEnd = %v, want it unchanged", got)
			}
		})
	}
}
