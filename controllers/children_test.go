// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestCheckOwnership(t *testing.T) {
	owned := func(kind, name string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{Kind: kind, Name: name, UID: "uid-0", Controller: ptr.To(true)}}
	}
	run := makeRun().UID("uid-0").Obj()
	other := makeRun().UID("uid-1").Obj()
	cases := map[string]struct {
		owner *v1alpha1.TrainingRun
		child metav1.ObjectMeta
		want  string // the reason; "" is none
	}{
		"ours":                    {owner: run, child: metav1.ObjectMeta{OwnerReferences: owned("TrainingRun", "pets")}},
		"an earlier run's":        {owner: other, child: metav1.ObjectMeta{OwnerReferences: owned("TrainingRun", "pets")}, want: "WaitingForDeletion"},
		"another run's":           {owner: other, child: metav1.ObjectMeta{OwnerReferences: owned("TrainingRun", "cats")}, want: "NameConflict"},
		"another kind's":          {owner: other, child: metav1.ObjectMeta{OwnerReferences: owned("CronJob", "pets")}, want: "NameConflict"},
		"nobody's":                {owner: run, child: metav1.ObjectMeta{}, want: "NameConflict"},
		"nobody's, being deleted": {owner: run, child: metav1.ObjectMeta{DeletionTimestamp: &t0}, want: "WaitingForDeletion"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := checkOwnership(&batchv1.Job{ObjectMeta: tc.child}, tc.owner, "TrainingRun", "Job")
			got := ""
			var stall *stalledError
			var wait *waitingError
			switch {
			case errors.As(err, &stall):
				got = stall.reason
			case errors.As(err, &wait):
				got = wait.reason
			case err != nil:
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("reason = %q (%v), want %q", got, err, tc.want)
			}
		})
	}
}

func TestResultOf(t *testing.T) {
	broken := errors.New("broken")
	conflict := fmt.Errorf("x: %w", apierrors.NewConflict(batchv1.Resource("jobs"), "x", broken))
	cases := map[string]struct {
		err       error
		want      time.Duration
		wantError error
	}{
		"well":                       {want: 7 * time.Second},
		"waiting":                    {err: fmt.Errorf("x: %w", waiting("A", time.Second, broken)), want: time.Second},
		"waiting for an event":       {err: waiting("A", 0, broken), want: 7 * time.Second},
		"stalled":                    {err: fmt.Errorf("x: %w", stalled("A", broken)), want: 7 * time.Second},
		"conflict":                   {err: conflict, want: retryConflict},
		"other":                      {err: broken, wantError: broken},
		"stalled beside a conflict":  {err: errors.Join(stalled("A", errors.New("a")), conflict), want: retryConflict},
		"waiting beside another one": {err: errors.Join(waiting("A", 0, errors.New("a")), broken), wantError: broken},
		"other among others":         {err: errors.Join(conflict, errors.Join(stalled("A", errors.New("a")), broken)), wantError: broken},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := resultOf(ctrl.Result{RequeueAfter: 7 * time.Second}, tc.err)
			if got.RequeueAfter != tc.want || !errors.Is(err, tc.wantError) || (err == nil) != (tc.wantError == nil) {
				t.Errorf("resultOf = %s, %v; want %s, %v", got.RequeueAfter, err, tc.want, tc.wantError)
			}
		})
	}
}

func TestTypedErrorsUnwrap(t *testing.T) {
	cause := errors.New("cause")
	for _, err := range []error{stalled("A", cause), waiting("A", 0, cause)} {
		if !errors.Is(err, cause) || err.Error() != "cause" {
			t.Errorf("%T: %v doesn't unwrap to its cause", err, err)
		}
	}
}

func TestOptions(t *testing.T) {
	if _, err := (Options{}).withDefaults(); err == nil {
		t.Error("no error without images")
	}
	got, err := (Options{RunnerImage: "r", ServerImage: "s"}).withDefaults()
	if err != nil || got.Clock == nil || got.MaxConcurrentReconciles != 4 {
		t.Errorf("withDefaults = %+v, %v", got, err)
	}
}
