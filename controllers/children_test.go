// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

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
	if err != nil || got.Clock == nil || got.MaxConcurrentReconciles != DefaultConcurrentReconciles {
		t.Errorf("withDefaults = %+v, %v", got, err)
	}
}
